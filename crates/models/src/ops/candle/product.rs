//! Products with a layer's weights.
//!
//! Rows never mix, and on the processor not even in their last bit. Its `gemm` picks its way by the shape of the product: another kernel
//! for a single line or for at most 256 results, another cut of long sums for at most 64 by 64. The lines of all rows stacked into one
//! matrix could thus round differently from those of one row alone. A product that is on the same side of those limits for one row as for
//! any number of them is stacked; any other is done a row at a time.

use candle_core::Tensor;

use super::{CandleOps, Linear, Result};

/// `gemm` computes up to this many results by dot products along both sides.
const DOT_RESULTS: usize = 16 * 16;
/// Up to this many lines and columns `gemm` cuts the sums at [`SUM_CUT`], beyond it evenly.
const SMALL_SIDE: usize = 64;
/// The longest sum that is never cut.
const SUM_CUT: usize = 512;

impl CandleOps {
    /// `x` of any rank times (in, out), plus the bias.
    pub(super) fn product(&self, x: &Tensor, w: &Linear) -> Result<Tensor> {
        let mut shape = x.dims().to_vec();
        let inputs = shape.pop().unwrap_or(1);
        let outputs = w.weight.dim(1)?;
        let rows = shape.first().copied().unwrap_or(1);
        let lines: usize = shape.iter().skip(1).product();
        // Flattened to a matrix, because a batched product with a shared right side is slow in candle.
        let flat = x.reshape((rows * lines, inputs))?;
        let y = match rows == 1 || !self.on_host() || rounds_alike(lines, outputs, inputs) {
            true => flat.matmul(&w.weight)?,
            false => {
                let parts = (0..rows).map(|row| flat.narrow(0, row * lines, lines)?.matmul(&w.weight));
                Tensor::cat(&parts.collect::<candle_core::Result<Vec<_>>>()?, 0)?
            }
        };
        let y = match &w.bias {
            None => y,
            Some(bias) => y.broadcast_add(bias)?,
        };
        shape.push(outputs);
        Ok(y.reshape(shape)?)
    }
}

/// Whether a product of (lines, inputs) and (inputs, outputs) is computed in the same way however many such are stacked.
fn rounds_alike(lines: usize, outputs: usize, inputs: usize) -> bool {
    let same_kernel = lines > 1 && outputs > 1 && lines * outputs > DOT_RESULTS;
    let same_cuts = inputs <= SUM_CUT || lines > SMALL_SIDE || outputs > SMALL_SIDE;
    same_kernel && same_cuts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Epilogue, Ops};

    /// Every side of every limit, with values whose sums depend on their order.
    #[test]
    fn a_row_of_a_product_is_the_same_in_any_company() {
        let ops = CandleOps::on(&crate::Device::Cpu.open().expect("the processor"));
        let values = |n: usize| -> Vec<f32> { (0..n).map(|i| ((i * 7919 % 1009) as f32 - 504.0) / 311.0).collect() };
        for (lines, outputs, inputs) in [
            (1, 16, 64),
            (1, 64, 256),
            (1, 160, 256),
            (1, 300, 700),
            (2, 96, 64),
            (2, 200, 96),
            (4, 64, 600),
            (4, 65, 64),
            (16, 16, 32),
            (16, 17, 32),
            (16, 160, 160),
            (16, 64, 1300),
            (65, 64, 1300),
            (64, 64, 1300),
            (77, 96, 128),
            (256, 64, 2),
        ] {
            let weights = ops.linear_weights(outputs, inputs, values(outputs * inputs), None).expect("weights");
            let run = |rows: std::ops::Range<usize>| {
                let all = values(8 * lines * inputs);
                let part = &all[rows.start * lines * inputs..rows.end * lines * inputs];
                let x = ops.upload(part, &[rows.len(), lines, inputs]).expect("upload");
                let y = ops.linear(&x, &weights, Epilogue::none()).expect("product");
                ops.download(&y).expect("download").into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let alone: Vec<Vec<u32>> = (0..8).map(|row| run(row..row + 1)).collect();
            for rows in [0..2, 3..6, 0..8] {
                assert_eq!(run(rows.clone()), alone[rows].concat(), "{lines} lines, {outputs} outputs, {inputs} inputs");
            }
        }
    }
}
