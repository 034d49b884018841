//! Encoder and decoder as a chain of layers that can be run a stage at a time.
//!
//! A stage is the unit that may run between two steps of other pictures, so it has to be short: a convolution, half a residual block, the
//! attention. [`Sequence::forward`] is all stages in order, so there is one definition of a network and no second way to run it.

use super::mid::Attention;
use crate::{
    ops::{Activation, Epilogue, Ops, Result},
    unet::Resnet,
};

/// One layer of the chain.
pub(super) enum Layer<O: Ops> {
    /// A convolution alone.
    Conv(O::Conv),
    /// A residual block: two stages.
    Resnet(Resnet<O>),
    /// Single-head attention over all pixels.
    Attention(Attention<O>),
    /// Nearest-neighbour doubling, then a convolution.
    Upsample(O::Conv),
    /// Zeros at the right and at the bottom, then a convolution that halves.
    Downsample(O::Conv),
    /// Normalisation, SiLU, then a convolution.
    NormConv(O::Norm, O::Conv),
}

/// What lies between two stages.
#[derive(Clone)]
pub struct Flow<T> {
    /// The result of the layers so far.
    pub x: T,
    /// The first half of a residual block, while it is half done.
    branch: Option<T>,
}

impl<T> Flow<T> {
    /// Before the first stage.
    pub fn new(x: T) -> Self {
        Self { x, branch: None }
    }

    /// The tensors it holds.
    pub fn tensors(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.x).chain(&self.branch)
    }
}

/// A chain of layers.
pub(super) struct Sequence<O: Ops> {
    layers: Vec<Layer<O>>,
}

impl<O: Ops> Layer<O> {
    fn stages(&self) -> usize {
        match self {
            Self::Resnet(_) => 2,
            _ => 1,
        }
    }

    fn run(&self, ops: &O, flow: &Flow<O::Tensor>) -> Result<Flow<O::Tensor>> {
        let x = &flow.x;
        Ok(Flow::new(match (self, &flow.branch) {
            (Self::Resnet(resnet), None) => {
                return Ok(Flow { x: x.clone(), branch: Some(resnet.first_half(ops, x, None)?) });
            }
            (Self::Resnet(resnet), Some(branch)) => resnet.second_half(ops, x, branch)?,
            (Self::Conv(conv), _) => ops.conv(x, conv, Epilogue::none())?,
            (Self::Attention(attention), _) => attention.forward(ops, x)?,
            (Self::Upsample(conv), _) => {
                let shape = ops.shape(x);
                ops.conv(&ops.upsample(x, 2 * shape[2], 2 * shape[3])?, conv, Epilogue::none())?
            }
            (Self::Downsample(conv), _) => ops.conv(&ops.pad_bottom_right(x, 1)?, conv, Epilogue::none())?,
            (Self::NormConv(norm, conv), _) => ops.conv(&ops.group_norm(x, norm, Activation::Silu)?, conv, Epilogue::none())?,
        }))
    }
}

impl<O: Ops> Sequence<O> {
    pub fn new(layers: Vec<Layer<O>>) -> Self {
        Self { layers }
    }

    /// How many stages there are.
    pub fn stages(&self) -> usize {
        self.layers.iter().map(Layer::stages).sum()
    }

    /// Runs stage `stage` on what the one before gave; beyond the last nothing is done.
    pub fn run(&self, ops: &O, stage: usize, flow: &Flow<O::Tensor>) -> Result<Flow<O::Tensor>> {
        let mut first = 0;
        for layer in &self.layers {
            if stage < first + layer.stages() {
                return layer.run(ops, flow);
            }
            first += layer.stages();
        }
        Ok(flow.clone())
    }

    /// All stages in order.
    pub fn forward(&self, ops: &O, x: &O::Tensor) -> Result<O::Tensor> {
        let mut flow = Flow::new(x.clone());
        for stage in 0..self.stages() {
            flow = self.run(ops, stage, &flow)?;
        }
        Ok(flow.x)
    }
}
