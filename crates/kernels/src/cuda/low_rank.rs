//! What a layer with low-rank additions needs besides its product: rows scaled, and a gated layer whose gates wait until something has been
//! added to its values. The kernels are in `source/elementwise.cuh`.

use super::{
    Array, Epilogue, Format, Kernel, Machine, Product, ProductWeights, Result, bug,
    elementwise::THREADS,
    kernel::{Work, address, blocks},
};

#[repr(C)]
struct RowsWork {
    x: u64,
    factors: u64,
    out: u64,
    count: i64,
    length: i64,
    packed: i64,
}

// SAFETY: the fields are those of the C++ struct in their order, and there is no padding.
unsafe impl Work for RowsWork {}

fn rows(name: &str, format: Format) -> Kernel {
    Kernel::new("elementwise", "RowsWork", THREADS as u32, format!("{name}<{}>", format.cpp()))
}

pub(super) fn kernels(format: Format) -> Vec<Kernel> {
    ["scale_rows", "gate"].map(|name| rows(name, format)).into()
}

impl ProductWeights {
    /// Numbers in a line before the gates; of a layer without gates, its outputs.
    pub fn packed_outputs(&self) -> usize {
        self.columns
    }
}

impl Machine {
    /// Every row times its factor; the factors are f32.
    pub fn scale_rows(&self, x: &Array, factors: &Array) -> Result<Array> {
        let length = x.len().checked_div(factors.len()).unwrap_or(0);
        if factors.format() != Format::F32 || x.len() != length * factors.len() {
            return bug(format!("{x:?} is scaled by {factors:?}"));
        }
        let out = Array::unwritten(self, x.format(), x.len())?;
        let work = RowsWork {
            x: x.address(),
            factors: factors.address(),
            out: out.address(),
            count: x.len() as i64,
            length: length as i64,
            packed: 0,
        };
        // SAFETY: the lengths agree, and the kernel checks the last number.
        unsafe { self.launch(&rows("scale_rows", x.format()), [blocks(x.len(), THREADS)?, 1, 1], 0, &work)? };
        Ok(out)
    }

    /// The product of gated weights before its gates, in packed columns, and what is added to it.
    pub fn ungated(&self, given: Product<'_>, weights: &ProductWeights, residual: Option<&Array>) -> Result<Array> {
        if !weights.gated {
            return bug("a layer's weights are used as if they had gates");
        }
        self.multiply(given, weights, Epilogue { residual, ..Epilogue::default() }, false)
    }

    /// `value * gelu(gate)` of lines in the packed columns of `weights`.
    pub fn gate(&self, x: &Array, weights: &ProductWeights) -> Result<Array> {
        let (packed, outputs) = (weights.columns, weights.window().outputs);
        let lines = x.len().checked_div(packed).unwrap_or(0);
        if !weights.gated || x.len() != lines * packed {
            return bug(format!("gates are taken of {x:?}"));
        }
        let out = Array::unwritten(self, x.format(), lines * outputs)?;
        let work = RowsWork {
            x: x.address(),
            factors: address(None),
            out: out.address(),
            count: out.len() as i64,
            length: outputs as i64,
            packed: packed as i64,
        };
        // SAFETY: both lengths follow from the weights, and the kernel checks the last number.
        unsafe { self.launch(&rows("gate", x.format()), [blocks(out.len(), THREADS)?, 1, 1], 0, &work)? };
        Ok(out)
    }
}
