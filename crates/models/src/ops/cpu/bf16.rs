//! [`Ops`] over the processor's bf16 kernels: activations and weights are bf16, channels last; weights are packed once.
//!
//! What comes as a map from outside (latents, noise, masks, pictures) and what leaves as one stays f32, and so does everything of the sampler:
//! numbers are rounded where a network takes them in. A map that a convolution is about to read lies with zeros around it, which whoever
//! writes it puts there (`Data::Bordered`); every other operation takes it without.

use std::sync::Arc;

use easel_kernels::cpu::{
    self, ConvGeometry, GroupNorm, Pool,
    bf16::{self, Attention, Bf16, Bf16Isa, Border, Bordered, HalfBuffer, Matrix, Out, Product},
};

use super::{
    super::{Activation, Blend, ConvShape, Epilogue, Input, LowRank, Mask, Ops, Result, Update, Updated},
    CpuOps, Norm, Tensor as Single, apart, numbers_of, unexpected,
};

/// Results of fewer channels leave the network, as latents or as a picture: they are not rounded.
const FEW_CHANNELS: usize = 16;

/// The processor, in bf16.
pub struct CpuBf16Ops {
    isa: Bf16Isa,
    /// What is done in f32.
    single: CpuOps,
}

/// Numbers of a logical shape; maps lie channels last.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Single(Single),
    Half(Arc<HalfBuffer>),
    Bordered(Arc<HalfBuffer>, Border),
}

/// A convolution's packed weights.
pub enum Conv {
    /// Of one pixel: a linear layer.
    Pointwise(Matrix),
    /// Of a neighbourhood.
    Spatial(bf16::Conv),
}

impl Default for CpuBf16Ops {
    fn default() -> Self {
        Self::new(Bf16Isa::best())
    }
}

impl From<Single> for Tensor {
    fn from(single: Single) -> Self {
        Self { shape: single.shape.clone(), data: Data::Single(single) }
    }
}

impl Tensor {
    fn rows(&self) -> usize {
        self.shape[0]
    }

    /// Side and channels of a map.
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

    fn with_last(&self, last: usize) -> Result<Vec<usize>> {
        let mut shape = self.shape.clone();
        *shape.last_mut().ok_or_else(|| unexpected(&self.shape, "lines"))? = last;
        Ok(shape)
    }
}

/// The tensors behind a product, rounded.
struct Behind {
    row_bias: Option<Arc<HalfBuffer>>,
    activation: Activation,
    residual: Option<Arc<HalfBuffer>>,
}

impl Behind {
    fn epilogue(&self) -> bf16::Epilogue<'_> {
        bf16::Epilogue {
            row_bias: self.row_bias.as_deref().map(|x| &**x),
            activation: self.activation,
            residual: self.residual.as_deref().map(|x| &**x),
        }
    }
}

impl CpuBf16Ops {
    /// With instructions of the caller's choice.
    pub fn new(isa: Bf16Isa) -> Self {
        Self { isa, single: CpuOps::default() }
    }

    /// The instructions in use.
    pub fn isa(&self) -> Bf16Isa {
        self.isa
    }

    /// How the memory for activations has been used.
    pub fn memory(&self) -> cpu::PoolCounts {
        self.single.memory()
    }

    fn pool(&self) -> &Pool {
        &self.single.pool
    }

    fn product<'a>(&'a self, x: &'a [Bf16], rows: usize) -> Product<'a> {
        Product { isa: self.isa, pool: self.pool(), x, rows }
    }

    /// A dense tensor whose numbers are written by `fill`.
    fn fresh(&self, shape: Vec<usize>, fill: impl FnOnce(&mut [Bf16])) -> Tensor {
        let mut data = self.pool().take_halves(shape.iter().product());
        fill(&mut data);
        Tensor { shape, data: Data::Half(Arc::new(data)) }
    }

    /// A map with a border.
    fn fresh_bordered(&self, border: Border, fill: impl FnOnce(&mut [Bf16])) -> Tensor {
        let mut data = self.pool().take_halves(border.numbers());
        fill(&mut data);
        let shape = vec![border.rows, border.channels, border.side[0], border.side[1]];
        Tensor { shape, data: Data::Bordered(Arc::new(data), border) }
    }

    /// A product's result, in f32 where it leaves the network.
    fn result(&self, shape: Vec<usize>, channels: usize, fill: impl FnOnce(Out<'_>)) -> Tensor {
        match channels < FEW_CHANNELS {
            true => self.single.fresh(shape, |to| fill(Out::Single(to))).into(),
            false => self.fresh(shape, |to| fill(Out::Half(to))),
        }
    }

    /// The numbers without a border, rounded.
    fn half(&self, x: &Tensor) -> Arc<HalfBuffer> {
        let copied = |fill: &dyn Fn(&mut [Bf16])| {
            let mut to = self.pool().take_halves(x.shape.iter().product());
            fill(&mut to);
            Arc::new(to)
        };
        match &x.data {
            Data::Half(data) => data.clone(),
            Data::Single(single) => copied(&|to| bf16::narrow(self.isa, &single.data, to)),
            Data::Bordered(data, border) => copied(&|to| Bordered { numbers: data, border: *border }.dense(to)),
        }
    }

    /// The numbers without a border, to be changed: the tensor's own where nobody else has it.
    fn own_half(&self, x: Tensor) -> HalfBuffer {
        let shared = match x.data {
            Data::Half(data) => data,
            _ => self.half(&x),
        };
        Arc::try_unwrap(shared).unwrap_or_else(|shared| {
            let mut to = self.pool().take_halves(shared.len());
            to.copy_from_slice(&shared);
            to
        })
    }

    /// The numbers in f32.
    fn single(&self, x: &Tensor) -> Single {
        match &x.data {
            Data::Single(single) => single.clone(),
            _ => self.single.fresh(x.shape.clone(), |to| bf16::widen(self.isa, &self.half(x), to)),
        }
    }

    fn behind(&self, given: &Epilogue<'_, Tensor>) -> Behind {
        let half = |x: Option<&Tensor>| x.map(|x| self.half(x));
        Behind { row_bias: half(given.row_bias), activation: given.activation, residual: half(given.residual) }
    }

    /// The map as the convolution reads it.
    fn bordered(&self, x: &Tensor, geometry: ConvGeometry) -> Result<(Arc<HalfBuffer>, Border)> {
        let (side, channels) = x.map()?;
        let wanted = Border { rows: x.rows(), side, channels, pixels: geometry.padding };
        Ok(match &x.data {
            Data::Bordered(data, border) if *border == wanted => (data.clone(), wanted),
            _ => {
                let mut to = self.pool().take_halves(wanted.numbers());
                bf16::border(&self.half(x), side, wanted, &mut to);
                (Arc::new(to), wanted)
            }
        })
    }
}

impl Ops for CpuBf16Ops {
    type Tensor = Tensor;
    type Conv = Conv;
    type Linear = Matrix;
    type Norm = Norm;
    type Records = ();

    fn value_bytes(&self) -> usize {
        size_of::<Bf16>()
    }

    fn conv_weights(&self, shape: ConvShape, weight: &[f32], bias: Option<Vec<f32>>) -> Result<Conv> {
        let ConvShape { outputs, inputs, kernel, stride, padding } = shape;
        Ok(match (kernel, stride, padding) {
            (1, 1, 0) => Conv::Pointwise(Matrix::new(outputs, inputs, 1, weight, bias.as_deref())),
            _ => {
                Conv::Spatial(bf16::Conv::new(ConvGeometry { outputs, inputs, kernel, stride, padding }, weight, bias.as_deref()))
            }
        })
    }

    fn linear_weights(&self, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Result<Matrix> {
        Ok(Matrix::new(outputs, inputs, 1, weight, bias.as_deref()))
    }

    fn gated_weights(&self, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Result<Matrix> {
        Ok(Matrix::gated(outputs, inputs, weight, bias.as_deref()))
    }

    fn norm_weights(&self, groups: usize, epsilon: f64, scale: Vec<f32>, shift: Vec<f32>) -> Result<Norm> {
        self.single.norm_weights(groups, epsilon, scale, shift)
    }

    fn upload(&self, values: &[f32], shape: &[usize]) -> Result<Tensor> {
        match shape.len() {
            // Tokens are only ever read by networks.
            3 => Ok(self.fresh(shape.to_vec(), |to| bf16::narrow(self.isa, values, to))),
            _ => Ok(self.single.upload(values, shape)?.into()),
        }
    }

    fn download(&self, x: &Tensor) -> Result<Vec<f32>> {
        self.single.download(&self.single(x))
    }

    fn shape(&self, x: &Tensor) -> Vec<usize> {
        x.shape.clone()
    }

    fn conv(&self, x: &Tensor, w: &Conv, behind: Epilogue<'_, Tensor>) -> Result<Tensor> {
        let ((side, _), rows, behind) = (x.map()?, x.rows(), self.behind(&behind));
        match w {
            Conv::Pointwise(w) => {
                let half = self.half(x);
                Ok(self.result(vec![rows, w.outputs(), side[0], side[1]], w.outputs(), |to| {
                    bf16::product(self.product(&half, rows), w, behind.epilogue(), to);
                }))
            }
            Conv::Spatial(w) => {
                let geometry = w.geometry();
                let (data, border) = self.bordered(x, geometry)?;
                let [height, width] = side.map(|side| geometry.side(side));
                Ok(self.result(vec![rows, geometry.outputs, height, width], geometry.outputs, |to| {
                    bf16::conv(self.isa, Bordered { numbers: &data, border }, w, behind.epilogue(), to);
                }))
            }
        }
    }

    fn linear(&self, x: &Tensor, w: &Matrix, behind: Epilogue<'_, Tensor>) -> Result<Tensor> {
        let (half, behind) = (self.half(x), self.behind(&behind));
        Ok(self.fresh(x.with_last(w.outputs())?, |to| {
            bf16::product(self.product(&half, x.rows()), w, behind.epilogue(), Out::Half(to));
        }))
    }

    fn group_norm(&self, x: &Tensor, w: &Norm, activation: Activation) -> Result<Tensor> {
        let ((side, channels), half) = (x.map()?, self.half(x));
        let norm = GroupNorm { groups: w.groups, epsilon: w.epsilon, scale: &w.scale, shift: &w.shift };
        let dense = Border { rows: x.rows(), side, channels, pixels: 0 };
        // What is activated goes into a 3x3 convolution.
        if activation == Activation::Silu && dense.can_be_written() {
            let border = Border { pixels: 1, ..dense };
            return Ok(self.fresh_bordered(border, |to| bf16::group_norm(self.isa, &half, border, norm, activation, to)));
        }
        Ok(self.fresh(x.shape.clone(), |to| bf16::group_norm(self.isa, &half, dense, norm, activation, to)))
    }

    fn layer_norm(&self, x: &Tensor, w: &Norm) -> Result<Tensor> {
        let half = self.half(x);
        Ok(self.fresh(x.shape.clone(), |to| bf16::layer_norm(self.isa, &half, w.epsilon, &w.scale, &w.shift, to)))
    }

    fn attention(&self, q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Tensor> {
        let ((queries, _), (keys, _)) = (q.tokens()?, k.tokens()?);
        let [q_half, k_half, v_half] = [q, k, v].map(|x| self.half(x));
        let work = Attention {
            isa: self.isa,
            pool: self.pool(),
            q: &q_half,
            k: &k_half,
            v: &v_half,
            rows: q.rows(),
            queries,
            keys,
            heads,
            causal: mask == Mask::Causal,
        };
        Ok(self.fresh(q.shape.clone(), |to| bf16::attention(&work, to)))
    }

    fn geglu(&self, x: &Tensor, w: &Matrix) -> Result<Tensor> {
        let half = self.half(x);
        Ok(self.fresh(x.with_last(w.outputs())?, |to| bf16::geglu(self.product(&half, x.rows()), w, to)))
    }

    fn activate(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let half = self.half(x);
        Ok(self.fresh(x.shape.clone(), |to| bf16::activate(self.isa, &half, activation, to)))
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        let (a_half, b_half) = (self.half(a), self.half(b));
        Ok(self.fresh(a.shape.clone(), |to| bf16::add(self.isa, &a_half, &b_half, to)))
    }

    fn upsample(&self, x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
        let ((side, channels), half) = (x.map()?, self.half(x));
        // A 3x3 convolution follows.
        let border = Border { rows: x.rows(), side: [height, width], channels, pixels: 1 };
        Ok(self.fresh_bordered(border, |to| bf16::border(&half, side, border, to)))
    }

    fn pad_bottom_right(&self, x: &Tensor, pixels: usize) -> Result<Tensor> {
        let ((side, channels), half) = (x.map()?, self.half(x));
        Ok(self.fresh(vec![x.rows(), channels, side[0] + pixels, side[1] + pixels], |to| {
            cpu::pad_bottom_right(&half, x.rows(), channels, side, pixels, to);
        }))
    }

    fn concat_channels(&self, xs: &[&Tensor]) -> Result<Tensor> {
        let halves = xs.iter().map(|x| Ok((self.half(x), x.map()?.1))).collect::<Result<Vec<_>>>()?;
        let parts: Vec<(&[Bf16], usize)> = halves.iter().map(|(data, channels)| (&data[..], *channels)).collect();
        let mut shape = xs[0].shape.clone();
        shape[1] = parts.iter().map(|(_, channels)| channels).sum();
        let pixels = shape[0] * shape[2] * shape[3];
        Ok(self.fresh(shape, |to| cpu::concat_channels(&parts, pixels, to)))
    }

    fn concat_rows(&self, xs: &[&Tensor]) -> Result<Tensor> {
        if let [x] = xs {
            return Ok((*x).clone());
        }
        if xs.iter().all(|x| matches!(x.data, Data::Single(_))) {
            let singles: Vec<Single> = xs.iter().map(|x| self.single(x)).collect();
            return Ok(self.single.concat_rows(&singles.iter().collect::<Vec<_>>())?.into());
        }
        let mut shape = xs[0].shape.clone();
        shape[0] = xs.iter().map(|x| x.rows()).sum();
        Ok(self.fresh(shape, |mut to| {
            for half in xs.iter().map(|x| self.half(x)) {
                let (here, rest) = to.split_at_mut(half.len());
                here.copy_from_slice(&half);
                to = rest;
            }
        }))
    }

    fn rows(&self, x: &Tensor, start: usize, count: usize) -> Result<Tensor> {
        if let Data::Single(single) = &x.data {
            return Ok(self.single.rows(single, start, count)?.into());
        }
        let half = self.half(x);
        let each = half.len() / x.rows().max(1);
        let mut shape = x.shape.clone();
        shape[0] = count;
        Ok(self.fresh(shape, |to| to.copy_from_slice(&half[start * each..(start + count) * each])))
    }

    fn map_to_tokens(&self, x: &Tensor) -> Result<Tensor> {
        let ([height, width], channels) = x.map()?;
        Ok(Tensor { shape: vec![x.rows(), height * width, channels], data: Data::Half(self.half(x)) })
    }

    fn tokens_to_map(&self, x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
        let (_, channels) = x.tokens()?;
        Ok(Tensor { shape: vec![x.rows(), channels, height, width], data: Data::Half(self.half(x)) })
    }

    fn scale_rows(&self, x: &Tensor, factors: &Tensor) -> Result<Tensor> {
        let scaled = self.single.scale_rows(&self.single(x), &self.single(factors))?;
        match &x.data {
            Data::Single(_) => Ok(scaled.into()),
            _ => Ok(self.fresh(x.shape.clone(), |to| bf16::narrow(self.isa, &scaled.data, to))),
        }
    }

    fn ungated(&self, x: &Tensor, w: &Matrix) -> Result<Tensor> {
        let half = self.half(x);
        Ok(self.fresh(x.with_last(w.packed_outputs())?, |to| bf16::ungated(self.product(&half, x.rows()), w, to)))
    }

    fn gate(&self, x: &Tensor, w: &Matrix) -> Result<Tensor> {
        let half = self.half(x);
        Ok(self.fresh(x.with_last(w.outputs())?, |to| bf16::gate(self.isa, &half, w, to)))
    }

    fn low_rank(&self, x: &Tensor, y: Tensor, additions: &[LowRank<'_, Self>]) -> Result<Tensor> {
        let (half, rows, shape) = (self.half(x), x.rows(), y.shape.clone());
        let factors: Vec<Single> = additions.iter().map(|w| self.single(w.factors)).collect();
        let mut data = self.own_half(y);
        let all = data.len();
        let parts = apart(&mut data, additions.iter().map(|w| numbers_of(&w.rows, all, shape[0])));
        let additions = additions.iter().zip(&factors).zip(parts).map(|((w, factors), out)| bf16::Addition {
            x: &half[numbers_of(&w.rows, half.len(), rows)],
            factors: &factors.data,
            down: w.down,
            up: w.up,
            out,
        });
        bf16::add_low_rank(self.isa, self.pool(), additions.collect());
        Ok(Tensor { shape, data: Data::Half(Arc::new(data)) })
    }

    fn denoiser_input(&self, pictures: &[Input<'_, Tensor>]) -> Result<Tensor> {
        let singles: Vec<_> = pictures.iter().map(|p| (self.single(p.latents), p.extra.map(|x| self.single(x)))).collect();
        let given: Vec<_> = pictures
            .iter()
            .zip(&singles)
            .map(|(p, (latents, extra))| Input { latents, factor: p.factor, extra: extra.as_ref(), rows: p.rows })
            .collect();
        Ok(self.single.denoiser_input(&given)?.into())
    }

    fn advance(&self, output: &Tensor, pictures: &[Update<'_, Tensor>]) -> Result<Vec<Updated<Tensor>>> {
        let output = self.single(output);
        pictures.iter().map(|picture| self.advance_one(&output, picture)).collect()
    }
}

impl CpuBf16Ops {
    fn advance_one(&self, output: &Single, picture: &Update<'_, Tensor>) -> Result<Updated<Tensor>> {
        let latents = self.single(picture.latents);
        let history = picture.history.map(|x| x.map(|x| self.single(x)));
        let blend = picture.blend.as_ref().map(|b| ([b.mask, b.image, b.noise].map(|x| self.single(x)), b.factors));
        let update = Update {
            latents: &latents,
            row: picture.row,
            guidance: picture.guidance,
            history: history.each_ref().map(Option::as_ref),
            noise: picture.noise,
            blend: blend.as_ref().map(|([mask, image, noise], factors)| Blend { mask, image, noise, factors: *factors }),
            x: picture.x,
            store: picture.store,
        };
        let Updated { latents, stored, finite } = self.single.advance_one(output, &update)?;
        Ok(Updated { latents: latents.into(), stored: stored.map(|x| x.map(Tensor::from)), finite })
    }
}
