//! The operations every network is written in, at the level at which a fused kernel pays: convolution with bias, activation and residual;
//! normalisation with SiLU; attention; GEGLU.
//!
//! A model file names no device, no layout and no number format. Activations are *maps* with the logical shape (rows, channels, height,
//! width) or *tokens* with (rows, tokens, channels); how they lie in memory is the implementation's business. Rows never mix: row `i` of a
//! result depends on row `i` of the inputs alone, which is what lets requests share a batch.
//!
//! A new device or number format is one implementation of [`Ops`]; no model changes. [`cpu`] is the processor's, `cuda` NVIDIA
//! cards'; [`candle`] is every other device's, and the reference.

mod adapted;
pub mod candle;
pub mod cpu;
#[cfg(any(feature = "cuda", feature = "emulator"))]
pub mod cuda;
mod update;
mod weights;

use std::ops::Range;

use thiserror::Error;

pub(crate) use adapted::parts;
pub use adapted::{Conv, Linear, On, Patch, Patches, Worn};
pub use easel_kernels::cpu::Activation;
pub use update::{Blend, Input, Update, Updated};
pub use weights::{ConvShape, LayerShape, Layers, Loader, WeightSource};

/// Why an operation failed.
#[derive(Debug, Error)]
pub enum OpsError {
    /// The device's memory is used up.
    #[error("out of memory: {0}")]
    OutOfMemory(String),
    /// Anything else the device or its library reports.
    #[error("device: {0}")]
    Device(String),
    /// A weight is missing or has the wrong shape.
    #[error(transparent)]
    Weights(#[from] crate::weights::WeightsError),
}

/// Result of an operation.
pub type Result<T> = std::result::Result<T, OpsError>;

/// What is done to a result before it is written: `activation(x + row_bias) + residual`.
pub struct Epilogue<'a, T> {
    /// One value per row and channel, shape (rows, channels).
    pub row_bias: Option<&'a T>,
    /// The activation.
    pub activation: Activation,
    /// Same shape as the result.
    pub residual: Option<&'a T>,
}

impl<T> Epilogue<'_, T> {
    /// Nothing beyond the layer's own bias.
    pub fn none() -> Self {
        Self { row_bias: None, activation: Activation::None, residual: None }
    }

    /// An activation alone.
    pub fn activation(activation: Activation) -> Self {
        Self { row_bias: None, activation, residual: None }
    }
}

impl<'a, T> Epilogue<'a, T> {
    /// A residual connection alone.
    pub fn residual(residual: &'a T) -> Self {
        Self { row_bias: None, activation: Activation::None, residual: Some(residual) }
    }
}

/// Which keys a query may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// All of them.
    Full,
    /// Those at its own position and before.
    Causal,
}

/// The low-rank part of a layer, and the rows that have it.
pub struct LowRank<'a, O: Ops> {
    /// Which rows.
    pub rows: Range<usize>,
    /// Their factors, (rows, 1).
    pub factors: &'a O::Tensor,
    /// (rank, in).
    pub down: &'a O::Linear,
    /// (out, rank), or as [`Ops::gated_weights`] prepares them for what [`Ops::ungated`] gave.
    pub up: &'a O::Linear,
}

/// Work on inputs, for [`Ops::repeat`].
pub type Work<'a, T> = dyn Fn(&[T]) -> Result<T> + 'a;

/// A device with prepared weights and the operations on them.
pub trait Ops: Send + Sync {
    /// An activation on the device; cloning is cheap.
    type Tensor: Clone + Send;
    /// A prepared convolution.
    type Conv: Send;
    /// A prepared linear layer.
    type Linear: Send;
    /// A prepared group or layer normalisation.
    type Norm: Send;
    /// What a network keeps of its recorded work; dropped with the network.
    type Records: Default + Send;

    /// Bytes a number takes on the device.
    fn value_bytes(&self) -> usize;
    /// Prepares a convolution from (out, in, k, k) weights.
    fn conv_weights(&self, shape: ConvShape, weight: &[f32], bias: Option<Vec<f32>>) -> Result<Self::Conv>;
    /// Prepares a linear layer from (out, in) weights.
    fn linear_weights(&self, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Result<Self::Linear>;
    /// Prepares the linear layer of [`Ops::geglu`] from (2 * out, in) weights, the values' before the gates'.
    fn gated_weights(&self, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Result<Self::Linear>;
    /// Prepares a normalisation over `groups` groups of channels; 0 groups is a layer normalisation over the last axis.
    fn norm_weights(&self, groups: usize, epsilon: f64, scale: Vec<f32>, shift: Vec<f32>) -> Result<Self::Norm>;

    /// Brings values to the device.
    fn upload(&self, values: &[f32], shape: &[usize]) -> Result<Self::Tensor>;
    /// Brings values back, in logical order.
    fn download(&self, x: &Self::Tensor) -> Result<Vec<f32>>;
    /// The logical shape.
    fn shape(&self, x: &Self::Tensor) -> Vec<usize>;

    /// Convolution of a map.
    fn conv(&self, x: &Self::Tensor, w: &Self::Conv, epilogue: Epilogue<'_, Self::Tensor>) -> Result<Self::Tensor>;
    /// A linear layer on the last axis of tokens or of (rows, channels).
    fn linear(&self, x: &Self::Tensor, w: &Self::Linear, epilogue: Epilogue<'_, Self::Tensor>) -> Result<Self::Tensor>;
    /// Normalisation of a map by groups of channels, then the activation.
    fn group_norm(&self, x: &Self::Tensor, w: &Self::Norm, activation: Activation) -> Result<Self::Tensor>;
    /// Normalisation of tokens over their channels.
    fn layer_norm(&self, x: &Self::Tensor, w: &Self::Norm) -> Result<Self::Tensor>;
    /// Scaled dot-product attention of (rows, tokens, heads * d) tokens.
    fn attention(&self, q: &Self::Tensor, k: &Self::Tensor, v: &Self::Tensor, heads: usize, mask: Mask) -> Result<Self::Tensor>;
    /// `a * gelu(b)` where (a, b) are the halves of the gated layer's output (Shazeer 2020).
    fn geglu(&self, x: &Self::Tensor, w: &Self::Linear) -> Result<Self::Tensor>;
    /// An activation alone.
    fn activate(&self, x: &Self::Tensor, activation: Activation) -> Result<Self::Tensor>;
    /// The sum of two equal shapes.
    fn add(&self, a: &Self::Tensor, b: &Self::Tensor) -> Result<Self::Tensor>;
    /// Nearest-neighbour upsampling of a map to (height, width).
    fn upsample(&self, x: &Self::Tensor, height: usize, width: usize) -> Result<Self::Tensor>;
    /// Zeros appended at the right and at the bottom of a map.
    fn pad_bottom_right(&self, x: &Self::Tensor, pixels: usize) -> Result<Self::Tensor>;
    /// Joins maps along their channels.
    fn concat_channels(&self, xs: &[&Self::Tensor]) -> Result<Self::Tensor>;
    /// Joins along the rows.
    fn concat_rows(&self, xs: &[&Self::Tensor]) -> Result<Self::Tensor>;
    /// Rows `start..start + count`.
    fn rows(&self, x: &Self::Tensor, start: usize, count: usize) -> Result<Self::Tensor>;
    /// A map as (rows, height * width, channels) tokens.
    fn map_to_tokens(&self, x: &Self::Tensor) -> Result<Self::Tensor>;
    /// Tokens as a map.
    fn tokens_to_map(&self, x: &Self::Tensor, height: usize, width: usize) -> Result<Self::Tensor>;
    /// Every row times its factor; `factors` is (rows, 1).
    fn scale_rows(&self, x: &Self::Tensor, factors: &Self::Tensor) -> Result<Self::Tensor>;
    /// The gated layer's output before its gates, in an order of columns that [`Ops::gate`] and [`Ops::low_rank`] know.
    fn ungated(&self, x: &Self::Tensor, w: &Self::Linear) -> Result<Self::Tensor>;
    /// `a * gelu(b)` of what [`Ops::ungated`] gave.
    fn gate(&self, x: &Self::Tensor, w: &Self::Linear) -> Result<Self::Tensor>;
    /// `y + factors * up(down(x))` on some rows, the others as they are; the rows of each come behind those of the one before. `y` is a
    /// linear layer's output, or [`Ops::ungated`]'s.
    fn low_rank(&self, x: &Self::Tensor, y: Self::Tensor, additions: &[LowRank<'_, Self>]) -> Result<Self::Tensor>
    where
        Self: Sized;
    /// Some rows are replaced: parts, each with the row it begins at, behind the one before.
    fn put_rows(&self, x: &Self::Tensor, parts: &[(usize, Self::Tensor)]) -> Result<Self::Tensor> {
        let (all, mut end, mut pieces) = (self.shape(x)[0], 0, Vec::with_capacity(2 * parts.len() + 1));
        for (start, part) in parts {
            if *start > end {
                pieces.push(self.rows(x, end, start - end)?);
            }
            pieces.push(part.clone());
            end = start + self.shape(part)[0];
        }
        if end < all {
            pieces.push(self.rows(x, end, all - end)?);
        }
        self.concat_rows(&pieces.iter().collect::<Vec<_>>())
    }
    /// The denoiser's input: every picture's latents by its factor, with its extra channels, once per branch.
    fn denoiser_input(&self, pictures: &[Input<'_, Self::Tensor>]) -> Result<Self::Tensor>;
    /// Runs `work`, which issues operations on its inputs and on the network's weights alone, the same ones whenever the inputs have the same
    /// shapes. A device may record what is issued and repeat the record instead of the work.
    fn repeat(&self, _records: &Self::Records, inputs: &[&Self::Tensor], work: &Work<'_, Self::Tensor>) -> Result<Self::Tensor> {
        work(&inputs.iter().map(|x| (*x).clone()).collect::<Vec<_>>())
    }
    /// The sampler's update of every picture from the denoiser's output, guidance included.
    fn advance(&self, output: &Self::Tensor, pictures: &[Update<'_, Self::Tensor>]) -> Result<Vec<Updated<Self::Tensor>>>;
}
