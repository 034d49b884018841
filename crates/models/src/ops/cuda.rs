//! [`Ops`] over our own kernels for NVIDIA cards: f32, f16 or bf16, channels last, weights packed once.
//!
//! A map of logical shape (rows, channels, height, width) lies as (rows, height, width, channels), so a map and its tokens are the same numbers.
//! Networks compute in one format; what comes from the host (latents, noise, masks, prompts) and what the sampler writes stays f32 and is
//! rounded where a network takes it in. No operation but `download` waits for the card.

mod records;

use easel_kernels::cuda::{
    self, Array, Attention, CudaError, Format, GroupNorm, Machine, NormWeights, Product, ProductWeights, Window,
};

use super::{Activation, ConvShape, Epilogue, Input, LowRank, Mask, Ops, OpsError, Result, Update, Updated, Work};
use crate::Precision;
pub use records::Records;

/// A card, or its emulation, and a number format.
pub struct CudaOps {
    machine: Machine,
    format: Format,
}

/// Numbers of a logical shape; maps lie channels last.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Array,
}

/// Scale and shift per channel; 0 groups is a layer normalisation.
pub struct Norm {
    groups: usize,
    weights: NormWeights,
}

impl From<CudaError> for OpsError {
    fn from(error: CudaError) -> Self {
        match error {
            CudaError::OutOfMemory(reason) => Self::OutOfMemory(reason),
            error => Self::Device(error.to_string()),
        }
    }
}

impl CudaOps {
    /// Networks on `machine` compute in `precision`.
    pub fn new(machine: Machine, precision: Precision) -> Self {
        let format = match precision {
            Precision::F32 => Format::F32,
            Precision::F16 => Format::F16,
            Precision::Bf16 => Format::Bf16,
        };
        machine.warm_up(format);
        Self { machine, format }
    }

    /// The numbers in the networks' format.
    fn native(&self, x: &Tensor) -> Result<Array> {
        Ok(self.machine.convert(&x.data, self.format)?)
    }

    fn product(&self, x: &Tensor, side: [usize; 2], w: &ProductWeights, behind: &Epilogue<'_, Tensor>) -> Result<Array> {
        let native = |x: Option<&Tensor>| x.map(|x| self.native(x)).transpose();
        let (x, rows) = (self.native(x)?, x.shape[0]);
        let (row_bias, residual) = (native(behind.row_bias)?, native(behind.residual)?);
        let epilogue = cuda::Epilogue { row_bias: row_bias.as_ref(), activation: behind.activation, residual: residual.as_ref() };
        Ok(self.machine.product(Product { x: &x, rows, side }, w, epilogue)?)
    }
}

impl Tensor {
    fn map(&self) -> Result<([usize; 2], usize)> {
        match self.shape[..] {
            [_, channels, height, width] => Ok(([height, width], channels)),
            _ => Err(unexpected(&self.shape, "a map")),
        }
    }

    fn tokens(&self) -> Result<(usize, usize)> {
        match self.shape[..] {
            [_, tokens, channels] => Ok((tokens, channels)),
            _ => Err(unexpected(&self.shape, "tokens")),
        }
    }

    /// Lines of the last axis in a row of tokens or of (rows, channels).
    fn lines(&self) -> Result<usize> {
        match self.shape[..] {
            [_, _] => Ok(1),
            [_, tokens, _] => Ok(tokens),
            _ => Err(unexpected(&self.shape, "lines")),
        }
    }

    fn with_last(&self, last: usize) -> Vec<usize> {
        let mut shape = self.shape.clone();
        shape.pop();
        shape.push(last);
        shape
    }
}

fn unexpected(shape: &[usize], wanted: &str) -> OpsError {
    OpsError::Device(format!("an operation on {wanted} got a tensor of shape {shape:?}. This is a bug."))
}

/// Planar numbers channels last, and back with `back`.
fn transposed(values: &[f32], shape: &[usize], back: bool) -> Option<Vec<f32>> {
    let [rows, channels, height, width] = *shape else { return None };
    let mut out = vec![0f32; values.len()];
    match back {
        false => easel_kernels::cpu::planar_to_channels_last(values, rows, channels, &mut out),
        true => easel_kernels::cpu::channels_last_to_planar(values, rows, channels, &mut out),
    }
    debug_assert_eq!(values.len(), rows * channels * height * width);
    Some(out)
}

impl Ops for CudaOps {
    type Tensor = Tensor;
    type Conv = ProductWeights;
    type Linear = ProductWeights;
    type Norm = Norm;
    type Records = Records;

    fn value_bytes(&self) -> usize {
        self.format.bytes()
    }

    fn conv_weights(&self, shape: ConvShape, weight: &[f32], bias: Option<Vec<f32>>) -> Result<ProductWeights> {
        let ConvShape { outputs, inputs, kernel, stride, padding } = shape;
        let window = Window { outputs, inputs, kernel, step: stride, padding };
        Ok(ProductWeights::new(&self.machine, self.format, window, weight, bias.as_deref())?)
    }

    fn linear_weights(&self, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Result<ProductWeights> {
        let window = Window::pixel(outputs, inputs);
        Ok(ProductWeights::new(&self.machine, self.format, window, weight, bias.as_deref())?)
    }

    fn gated_weights(&self, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Result<ProductWeights> {
        Ok(ProductWeights::gated(&self.machine, self.format, outputs, inputs, weight, bias.as_deref())?)
    }

    fn norm_weights(&self, groups: usize, epsilon: f64, scale: Vec<f32>, shift: Vec<f32>) -> Result<Norm> {
        Ok(Norm { groups, weights: NormWeights::new(&self.machine, epsilon, &scale, &shift)? })
    }

    fn upload(&self, values: &[f32], shape: &[usize]) -> Result<Tensor> {
        if values.len() != shape.iter().product::<usize>() {
            return Err(unexpected(shape, &format!("{} numbers", values.len())));
        }
        let data = match transposed(values, shape, false) {
            Some(values) => self.machine.upload(&values)?,
            None => self.machine.upload(values)?,
        };
        Ok(Tensor { shape: shape.to_vec(), data })
    }

    fn download(&self, x: &Tensor) -> Result<Vec<f32>> {
        let values = self.machine.download(&x.data)?;
        Ok(transposed(&values, &x.shape, true).unwrap_or(values))
    }

    fn shape(&self, x: &Tensor) -> Vec<usize> {
        x.shape.clone()
    }

    fn conv(&self, x: &Tensor, w: &ProductWeights, behind: Epilogue<'_, Tensor>) -> Result<Tensor> {
        let (side, _) = x.map()?;
        let [height, width] = side.map(|side| w.window().side(side));
        let shape = vec![x.shape[0], w.window().outputs, height, width];
        Ok(Tensor { shape, data: self.product(x, side, w, &behind)? })
    }

    fn linear(&self, x: &Tensor, w: &ProductWeights, behind: Epilogue<'_, Tensor>) -> Result<Tensor> {
        let data = self.product(x, [1, x.lines()?], w, &behind)?;
        Ok(Tensor { shape: x.with_last(w.window().outputs), data })
    }

    fn group_norm(&self, x: &Tensor, w: &Norm, activation: Activation) -> Result<Tensor> {
        let norm = GroupNorm { rows: x.shape[0], groups: w.groups, weights: &w.weights, activation };
        Ok(Tensor { shape: x.shape.clone(), data: self.machine.group_norm(&self.native(x)?, norm)? })
    }

    fn layer_norm(&self, x: &Tensor, w: &Norm) -> Result<Tensor> {
        Ok(Tensor { shape: x.shape.clone(), data: self.machine.layer_norm(&self.native(x)?, &w.weights)? })
    }

    fn attention(&self, q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Tensor> {
        let ((queries, _), (keys, _)) = (q.tokens()?, k.tokens()?);
        let (rows, causal) = (q.shape[0], mask == Mask::Causal);
        let shape = q.shape.clone();
        let (q, k, v) = (self.native(q)?, self.native(k)?, self.native(v)?);
        let data = self.machine.attention(Attention { q: &q, k: &k, v: &v, rows, queries, keys, heads, causal })?;
        Ok(Tensor { shape, data })
    }

    fn geglu(&self, x: &Tensor, w: &ProductWeights) -> Result<Tensor> {
        let product = Product { x: &self.native(x)?, rows: x.shape[0], side: [1, x.lines()?] };
        Ok(Tensor { shape: x.with_last(w.window().outputs), data: self.machine.geglu(product, w)? })
    }

    fn activate(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        Ok(Tensor { shape: x.shape.clone(), data: self.machine.activate(&self.native(x)?, activation)? })
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        Ok(Tensor { shape: a.shape.clone(), data: self.machine.add(&self.native(a)?, &self.native(b)?)? })
    }

    fn upsample(&self, x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
        let ((side, channels), rows) = (x.map()?, x.shape[0]);
        let data = self.machine.upsample(&x.data, rows, side, [height, width])?;
        Ok(Tensor { shape: vec![rows, channels, height, width], data })
    }

    fn pad_bottom_right(&self, x: &Tensor, pixels: usize) -> Result<Tensor> {
        let ((side, channels), rows) = (x.map()?, x.shape[0]);
        let data = self.machine.pad_bottom_right(&x.data, rows, side, pixels)?;
        Ok(Tensor { shape: vec![rows, channels, side[0] + pixels, side[1] + pixels], data })
    }

    fn concat_channels(&self, xs: &[&Tensor]) -> Result<Tensor> {
        let parts = xs.iter().map(|x| Ok((self.native(x)?, x.map()?.1))).collect::<Result<Vec<_>>>()?;
        let parts: Vec<(&Array, usize)> = parts.iter().map(|(data, channels)| (data, *channels)).collect();
        let mut shape = xs[0].shape.clone();
        shape[1] = parts.iter().map(|(_, channels)| channels).sum();
        let data = self.machine.concat_channels(&parts, shape[0] * shape[2] * shape[3])?;
        Ok(Tensor { shape, data })
    }

    fn concat_rows(&self, xs: &[&Tensor]) -> Result<Tensor> {
        if let [x] = xs {
            return Ok((*x).clone());
        }
        let mut shape = xs[0].shape.clone();
        shape[0] = xs.iter().map(|x| x.shape[0]).sum();
        let alike = xs.iter().all(|x| x.data.format() == xs[0].data.format());
        let data = match alike {
            true => self.machine.join(&xs.iter().map(|x| &x.data).collect::<Vec<_>>())?,
            false => {
                let native = xs.iter().map(|x| self.native(x)).collect::<Result<Vec<_>>>()?;
                self.machine.join(&native.iter().collect::<Vec<_>>())?
            }
        };
        Ok(Tensor { shape, data })
    }

    fn rows(&self, x: &Tensor, start: usize, count: usize) -> Result<Tensor> {
        let each = x.data.len() / x.shape[0].max(1);
        let mut shape = x.shape.clone();
        shape[0] = count;
        Ok(Tensor { shape, data: self.machine.slice(&x.data, start * each, count * each)? })
    }

    fn map_to_tokens(&self, x: &Tensor) -> Result<Tensor> {
        let ([height, width], channels) = x.map()?;
        Ok(Tensor { shape: vec![x.shape[0], height * width, channels], data: x.data.clone() })
    }

    fn tokens_to_map(&self, x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
        let (_, channels) = x.tokens()?;
        Ok(Tensor { shape: vec![x.shape[0], channels, height, width], data: x.data.clone() })
    }

    fn scale_rows(&self, x: &Tensor, factors: &Tensor) -> Result<Tensor> {
        Ok(Tensor { shape: x.shape.clone(), data: self.machine.scale_rows(&x.data, &factors.data)? })
    }

    fn ungated(&self, x: &Tensor, w: &ProductWeights) -> Result<Tensor> {
        let product = Product { x: &self.native(x)?, rows: x.shape[0], side: [1, x.lines()?] };
        Ok(Tensor { shape: x.with_last(w.packed_outputs()), data: self.machine.ungated(product, w, None)? })
    }

    fn gate(&self, x: &Tensor, w: &ProductWeights) -> Result<Tensor> {
        Ok(Tensor { shape: x.with_last(w.window().outputs), data: self.machine.gate(&x.data, w)? })
    }

    fn low_rank(&self, x: &Tensor, y: Tensor, additions: &[LowRank<'_, Self>]) -> Result<Tensor> {
        let part = |w: &LowRank<'_, Self>| -> Result<(usize, Tensor)> {
            let (start, count) = (w.rows.start, w.rows.len());
            let z = self.scale_rows(&self.linear(&self.rows(x, start, count)?, w.down, Epilogue::none())?, w.factors)?;
            let own = self.rows(&y, start, count)?;
            let part = match w.up.packed_outputs() == w.up.window().outputs {
                true => self.linear(&z, w.up, Epilogue::residual(&own))?,
                false => {
                    let product = Product { x: &z.data, rows: count, side: [1, z.lines()?] };
                    Tensor { shape: own.shape.clone(), data: self.machine.ungated(product, w.up, Some(&self.native(&own)?))? }
                }
            };
            Ok((start, part))
        };
        self.put_rows(&y, &additions.iter().map(part).collect::<Result<Vec<_>>>()?)
    }

    fn denoiser_input(&self, pictures: &[Input<'_, Tensor>]) -> Result<Tensor> {
        let ([height, width], channels) = pictures[0].latents.map()?;
        let extra = pictures[0].extra.map_or(Ok(0), |x| x.map().map(|(_, channels)| channels))?;
        let rows = pictures.iter().map(|picture| picture.rows).sum();
        let given: Vec<_> = pictures
            .iter()
            .map(|Input { latents, factor, extra, rows }| cuda::Input {
                latents: &latents.data,
                factor: *factor,
                extra: extra.map(|x| &x.data),
                rows: *rows,
            })
            .collect();
        let data = self.machine.denoiser_input(&given, height * width, self.format)?;
        Ok(Tensor { shape: vec![rows, channels + extra, height, width], data })
    }

    fn repeat(&self, records: &Records, inputs: &[&Tensor], work: &Work<'_, Tensor>) -> Result<Tensor> {
        records.repeat(&self.machine, inputs, work)
    }

    fn advance(&self, output: &Tensor, pictures: &[Update<'_, Tensor>]) -> Result<Vec<Updated<Tensor>>> {
        // Noise is drawn in logical order, and everything else lies channels last.
        let noise = pictures
            .iter()
            .map(|picture| picture.noise.map(|noise| self.upload(noise, &picture.latents.shape)).transpose())
            .collect::<Result<Vec<_>>>()?;
        let given: Vec<_> = pictures
            .iter()
            .zip(&noise)
            .map(|(picture, noise)| cuda::Update {
                latents: &picture.latents.data,
                row: picture.row,
                guidance: picture.guidance,
                history: picture.history.map(|x| x.map(|x| &x.data)),
                noise: noise.as_ref().map(|x| &x.data),
                blend: picture.blend.as_ref().map(|blend| cuda::Blend {
                    mask: &blend.mask.data,
                    image: &blend.image.data,
                    noise: &blend.noise.data,
                    factors: blend.factors,
                }),
                x: picture.x,
                store: picture.store,
            })
            .collect();
        let updated = self.machine.advance(&output.data, &given)?;
        let tensors = updated.into_iter().zip(pictures).map(|(updated, picture)| {
            let tensor = |data: Array| Tensor { shape: picture.latents.shape.clone(), data };
            // Whether all is finite would have to be waited for; decoding looks at it.
            Updated { latents: tensor(updated.latents), stored: updated.stored.map(|x| x.map(tensor)), finite: true }
        });
        Ok(tensors.collect())
    }
}
