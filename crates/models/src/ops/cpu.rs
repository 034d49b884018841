//! [`Ops`] over our own kernels for the processor: f32, channels last, weights packed once.
//!
//! A map of logical shape (rows, channels, height, width) lies as (rows, height, width, channels): so a map and its tokens are the same
//! numbers, and turning one into the other costs nothing. Activations come from a pool that keeps them for the next operation, so that a
//! step after the first allocates no memory for them.

pub mod bf16;

use std::{ops::Range, sync::Arc};

use easel_kernels::{
    advance as update,
    cpu::{self, Buffer, GroupNorm, Isa, PackedConv, PackedMatrix, Pool, PoolCounts},
};

use super::{Activation, ConvShape, Epilogue, Input, LowRank, Mask, Ops, OpsError, Result, Update, Updated};

/// The processor.
pub struct CpuOps {
    isa: Isa,
    pool: Pool,
}

/// Numbers of a logical shape; maps lie channels last.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Arc<Buffer>,
}

/// A convolution's packed weights.
pub enum Conv {
    /// Of one pixel: a linear layer.
    Pointwise(PackedMatrix),
    /// Of a neighbourhood.
    Spatial(PackedConv),
}

/// Scale and shift per channel; 0 groups is a layer normalisation.
pub struct Norm {
    groups: usize,
    epsilon: f64,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Default for CpuOps {
    fn default() -> Self {
        Self::new(Isa::best())
    }
}

impl CpuOps {
    /// With a set of vector instructions of the caller's choice.
    pub fn new(isa: Isa) -> Self {
        Self { isa, pool: Pool::default() }
    }

    /// The instructions in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// How the memory for activations has been used.
    pub fn memory(&self) -> PoolCounts {
        self.pool.counts()
    }

    /// A tensor whose numbers are written by `fill`.
    fn fresh(&self, shape: Vec<usize>, fill: impl FnOnce(&mut [f32])) -> Tensor {
        let mut data = self.pool.take(shape.iter().product());
        fill(&mut data);
        Tensor { shape, data: Arc::new(data) }
    }
}

impl Tensor {
    fn reshaped(&self, shape: Vec<usize>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), self.data.len());
        Self { shape, data: self.data.clone() }
    }

    fn rows(&self) -> usize {
        self.shape[0]
    }

    /// Channels of a map.
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
}

fn unexpected(shape: &[usize], wanted: &str) -> OpsError {
    OpsError::Device(format!("an operation on {wanted} got a tensor of shape {shape:?}. This is a bug."))
}

/// Where some rows of all lie.
fn numbers_of(rows: &Range<usize>, all: usize, count: usize) -> Range<usize> {
    let each = all / count.max(1);
    rows.start * each..rows.end * each
}

/// The parts of `all` in these ranges, each behind the one before.
fn apart<T>(mut all: &mut [T], ranges: impl Iterator<Item = Range<usize>>) -> Vec<&mut [T]> {
    let mut from = 0;
    let mut parts = Vec::new();
    for range in ranges {
        let (_, here) = std::mem::take(&mut all).split_at_mut(range.start - from);
        let (part, rest) = here.split_at_mut(range.len());
        (all, from) = (rest, range.end);
        parts.push(part);
    }
    parts
}

fn epilogue<'a>(given: &Epilogue<'a, Tensor>) -> cpu::Epilogue<'a> {
    cpu::Epilogue {
        row_bias: given.row_bias.map(|x| &x.data[..]),
        activation: given.activation,
        residual: given.residual.map(|x| &x.data[..]),
    }
}

impl Ops for CpuOps {
    type Tensor = Tensor;
    type Conv = Conv;
    type Linear = PackedMatrix;
    type Norm = Norm;
    type Records = ();

    fn value_bytes(&self) -> usize {
        size_of::<f32>()
    }

    fn conv_weights(&self, shape: ConvShape, weight: &[f32], bias: Option<Vec<f32>>) -> Result<Conv> {
        let ConvShape { outputs, inputs, kernel, stride, padding } = shape;
        Ok(match (kernel, stride, padding) {
            (1, 1, 0) => Conv::Pointwise(PackedMatrix::new(self.isa, outputs, inputs, weight, bias)),
            _ => {
                let geometry = cpu::ConvGeometry { outputs, inputs, kernel, stride, padding };
                Conv::Spatial(PackedConv::new(self.isa, geometry, weight, bias))
            }
        })
    }

    fn linear_weights(&self, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Result<PackedMatrix> {
        Ok(PackedMatrix::new(self.isa, outputs, inputs, weight, bias))
    }

    fn gated_weights(&self, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Result<PackedMatrix> {
        Ok(PackedMatrix::gated(self.isa, outputs, inputs, weight, bias))
    }

    fn norm_weights(&self, groups: usize, epsilon: f64, scale: Vec<f32>, shift: Vec<f32>) -> Result<Norm> {
        Ok(Norm { groups, epsilon, scale, shift })
    }

    fn upload(&self, values: &[f32], shape: &[usize]) -> Result<Tensor> {
        Ok(self.fresh(shape.to_vec(), |to| match *shape {
            [rows, channels, ..] if shape.len() == 4 => cpu::planar_to_channels_last(values, rows, channels, to),
            _ => to.copy_from_slice(values),
        }))
    }

    fn download(&self, x: &Tensor) -> Result<Vec<f32>> {
        let mut values = x.data.to_vec();
        if let [rows, channels, _, _] = x.shape[..] {
            cpu::channels_last_to_planar(&x.data, rows, channels, &mut values);
        }
        Ok(values)
    }

    fn shape(&self, x: &Tensor) -> Vec<usize> {
        x.shape.clone()
    }

    fn conv(&self, x: &Tensor, w: &Conv, behind: Epilogue<'_, Tensor>) -> Result<Tensor> {
        let (side, _) = x.map()?;
        let rows = x.rows();
        Ok(match w {
            Conv::Pointwise(w) => self.fresh(vec![rows, w.outputs(), side[0], side[1]], |to| {
                cpu::product(&x.data, rows, w, epilogue(&behind), to);
            }),
            Conv::Spatial(w) => {
                let [height, width] = side.map(|side| w.geometry().side(side));
                self.fresh(vec![rows, w.geometry().outputs, height, width], |to| {
                    cpu::conv(&x.data, rows, side, w, epilogue(&behind), to);
                })
            }
        })
    }

    fn linear(&self, x: &Tensor, w: &PackedMatrix, behind: Epilogue<'_, Tensor>) -> Result<Tensor> {
        let mut shape = x.shape.clone();
        *shape.last_mut().ok_or_else(|| unexpected(&x.shape, "lines"))? = w.outputs();
        Ok(self.fresh(shape, |to| cpu::product(&x.data, x.rows(), w, epilogue(&behind), to)))
    }

    fn group_norm(&self, x: &Tensor, w: &Norm, activation: Activation) -> Result<Tensor> {
        let norm = GroupNorm { groups: w.groups, epsilon: w.epsilon, scale: &w.scale, shift: &w.shift };
        Ok(self.fresh(x.shape.clone(), |to| cpu::group_norm(self.isa, &x.data, x.rows(), norm, activation, to)))
    }

    fn layer_norm(&self, x: &Tensor, w: &Norm) -> Result<Tensor> {
        Ok(self.fresh(x.shape.clone(), |to| cpu::layer_norm(self.isa, &x.data, w.epsilon, &w.scale, &w.shift, to)))
    }

    fn attention(&self, q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Tensor> {
        let ((queries, _), (keys, _)) = (q.tokens()?, k.tokens()?);
        let work = cpu::Attention {
            isa: self.isa,
            pool: &self.pool,
            q: &q.data,
            k: &k.data,
            v: &v.data,
            rows: q.rows(),
            queries,
            keys,
            heads,
            causal: mask == Mask::Causal,
        };
        Ok(self.fresh(q.shape.clone(), |to| cpu::attention(&work, to)))
    }

    fn geglu(&self, x: &Tensor, w: &PackedMatrix) -> Result<Tensor> {
        let mut shape = x.shape.clone();
        *shape.last_mut().ok_or_else(|| unexpected(&x.shape, "lines"))? = w.outputs();
        Ok(self.fresh(shape, |to| cpu::geglu(&x.data, w, to)))
    }

    fn activate(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        Ok(self.fresh(x.shape.clone(), |to| cpu::activate(self.isa, &x.data, activation, to)))
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        Ok(self.fresh(a.shape.clone(), |to| cpu::add(self.isa, &a.data, &b.data, to)))
    }

    fn upsample(&self, x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
        let (side, channels) = x.map()?;
        Ok(self.fresh(vec![x.rows(), channels, height, width], |to| {
            cpu::upsample(&x.data, x.rows(), channels, side, [height, width], to);
        }))
    }

    fn pad_bottom_right(&self, x: &Tensor, pixels: usize) -> Result<Tensor> {
        let (side, channels) = x.map()?;
        Ok(self.fresh(vec![x.rows(), channels, side[0] + pixels, side[1] + pixels], |to| {
            cpu::pad_bottom_right(&x.data, x.rows(), channels, side, pixels, to);
        }))
    }

    fn concat_channels(&self, xs: &[&Tensor]) -> Result<Tensor> {
        let parts = xs.iter().map(|x| Ok((&x.data[..], x.map()?.1))).collect::<Result<Vec<_>>>()?;
        let mut shape = xs[0].shape.clone();
        shape[1] = parts.iter().map(|(_, channels)| channels).sum();
        let pixels = shape[0] * shape[2] * shape[3];
        Ok(self.fresh(shape, |to| cpu::concat_channels(&parts, pixels, to)))
    }

    fn concat_rows(&self, xs: &[&Tensor]) -> Result<Tensor> {
        if let [x] = xs {
            return Ok((*x).clone());
        }
        let mut shape = xs[0].shape.clone();
        shape[0] = xs.iter().map(|x| x.rows()).sum();
        Ok(self.fresh(shape, |mut to| {
            for x in xs {
                let (here, rest) = to.split_at_mut(x.data.len());
                here.copy_from_slice(&x.data);
                to = rest;
            }
        }))
    }

    fn rows(&self, x: &Tensor, start: usize, count: usize) -> Result<Tensor> {
        let each = x.data.len() / x.rows().max(1);
        let mut shape = x.shape.clone();
        shape[0] = count;
        Ok(self.fresh(shape, |to| to.copy_from_slice(&x.data[start * each..(start + count) * each])))
    }

    fn map_to_tokens(&self, x: &Tensor) -> Result<Tensor> {
        let ([height, width], channels) = x.map()?;
        Ok(x.reshaped(vec![x.rows(), height * width, channels]))
    }

    fn tokens_to_map(&self, x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
        let (_, channels) = x.tokens()?;
        Ok(x.reshaped(vec![x.rows(), channels, height, width]))
    }

    fn scale_rows(&self, x: &Tensor, factors: &Tensor) -> Result<Tensor> {
        Ok(self.fresh(x.shape.clone(), |to| {
            to.copy_from_slice(&x.data);
            cpu::scale_rows(to, &factors.data);
        }))
    }

    fn ungated(&self, x: &Tensor, w: &PackedMatrix) -> Result<Tensor> {
        let mut shape = x.shape.clone();
        *shape.last_mut().ok_or_else(|| unexpected(&x.shape, "lines"))? = w.packed_outputs();
        Ok(self.fresh(shape, |to| cpu::ungated(&x.data, w, to)))
    }

    fn gate(&self, x: &Tensor, w: &PackedMatrix) -> Result<Tensor> {
        let mut shape = x.shape.clone();
        *shape.last_mut().ok_or_else(|| unexpected(&x.shape, "lines"))? = w.outputs();
        Ok(self.fresh(shape, |to| cpu::gate(&x.data, w, to)))
    }

    fn low_rank(&self, x: &Tensor, mut y: Tensor, additions: &[LowRank<'_, Self>]) -> Result<Tensor> {
        let (all, rows) = (y.data.len(), y.rows());
        if Arc::get_mut(&mut y.data).is_none() {
            y = self.fresh(y.shape.clone(), |to| to.copy_from_slice(&y.data));
        }
        if let Some(data) = Arc::get_mut(&mut y.data) {
            let parts = apart(data, additions.iter().map(|w| numbers_of(&w.rows, all, rows)));
            let additions = additions.iter().zip(parts).map(|(w, out)| cpu::Addition {
                x: &x.data[numbers_of(&w.rows, x.data.len(), x.rows())],
                factors: &w.factors.data,
                down: w.down,
                up: w.up,
                out,
            });
            cpu::add_low_rank(&self.pool, additions.collect());
        }
        Ok(y)
    }

    fn denoiser_input(&self, pictures: &[Input<'_, Tensor>]) -> Result<Tensor> {
        let (side, channels) = pictures[0].latents.map()?;
        let extra = pictures[0].extra.map_or(Ok(0), |x| x.map().map(|(_, channels)| channels))?;
        let rows = pictures.iter().map(|picture| picture.rows).sum();
        Ok(self.fresh(vec![rows, channels + extra, side[0], side[1]], |to| {
            let each = to.len() / rows;
            let mut places = to.chunks_exact_mut(each);
            for picture in pictures {
                for place in places.by_ref().take(picture.rows) {
                    let behind = picture.extra.map_or(&[][..], |x| &x.data[..]);
                    for (i, pixel) in place.chunks_exact_mut(channels + extra).enumerate() {
                        let latents = &picture.latents.data[i * channels..(i + 1) * channels];
                        pixel.iter_mut().zip(latents).for_each(|(to, x)| *to = x * picture.factor as f32);
                        pixel[channels..].copy_from_slice(&behind[i * extra..(i + 1) * extra]);
                    }
                }
            }
        }))
    }

    fn advance(&self, output: &Tensor, pictures: &[Update<'_, Tensor>]) -> Result<Vec<Updated<Tensor>>> {
        pictures.iter().map(|picture| self.advance_one(output, picture)).collect()
    }
}

impl CpuOps {
    fn advance_one(&self, output: &Tensor, picture: &Update<'_, Tensor>) -> Result<Updated<Tensor>> {
        let latents = &picture.latents.data[..];
        let row = |row: usize| {
            let missing = || OpsError::Device("the denoiser gave too few rows. This is a bug.".into());
            output.data.get(row * latents.len()..(row + 1) * latents.len()).ok_or_else(missing)
        };
        let guidance = match picture.guidance {
            None => None,
            Some((scale, rescale)) => Some(update::Guidance { unconditional: row(picture.row + 1)?, scale, rescale }),
        };
        let blend = picture.blend.as_ref().map(|blend| update::Blend {
            mask: &blend.mask.data,
            image: &blend.image.data,
            noise: &blend.noise.data,
            image_factor: blend.factors[0],
            noise_factor: blend.factors[1],
        });
        // Noise is drawn in logical order, and everything else lies channels last.
        let noise = picture.noise.map(|noise| self.upload(noise, &picture.latents.shape)).transpose()?;
        let updated = update::advance(&update::Update {
            latents,
            output: row(picture.row)?,
            guidance,
            history: picture.history.map(|x| x.map(|x| &x.data[..])),
            noise: noise.as_ref().map(|x| &x.data[..]),
            blend,
            x: picture.x,
            store: picture.store,
        });
        let tensor = |values: Vec<f32>| self.fresh(picture.latents.shape.clone(), |to| to.copy_from_slice(&values));
        Ok(Updated {
            latents: tensor(updated.latents),
            stored: updated.stored.map(|values| values.map(tensor)),
            finite: updated.finite,
        })
    }
}
