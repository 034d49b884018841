//! Encoder and decoder as a chain of stages that can be run a slice at a time.
//!
//! A stage is a normalisation, a convolution or the attention; a slice is as many stages as are about as much work as the longest one, and
//! may run between two steps of other pictures. [`Sequence::forward`] is all stages in order, so there is one definition of a network.

use super::mid::Attention;
use crate::{
    ops::{Activation, Conv, Epilogue, On, Ops, Result},
    unet::Resnet,
};

/// One layer of the chain.
pub(super) enum Layer<O: Ops> {
    /// A convolution alone.
    Conv(Conv<O>),
    /// A residual block.
    Resnet(Resnet<O>),
    /// Single-head attention over all pixels.
    Attention(Attention<O>),
    /// Nearest-neighbour doubling, then a convolution.
    Upsample(Conv<O>),
    /// Zeros at the right and at the bottom, then a convolution that halves.
    Downsample(Conv<O>),
    /// Normalisation, SiLU, then a convolution.
    NormConv(O::Norm, Conv<O>),
}

/// How far a run through the chain is.
#[derive(Clone)]
pub struct Progress<T> {
    /// The next stage.
    stage: usize,
    /// Work of a slice, in numbers of the maps that its stages take.
    slice: usize,
    /// The result of the layers that are done.
    x: T,
    /// What the stages of a layer that is not done have given so far.
    branch: Option<T>,
}

impl<T> Progress<T> {
    /// Before the first stage.
    pub(super) fn new(x: T, slice: usize) -> Self {
        Self { stage: 0, slice, x, branch: None }
    }

    /// The result, once all stages are done.
    pub fn result(&self) -> &T {
        &self.x
    }

    /// The tensors it holds.
    pub fn tensors(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.x).chain(&self.branch)
    }
}

/// A chain of layers.
pub(super) struct Sequence<O: Ops> {
    layers: Vec<Layer<O>>,
    stages: usize,
}

impl<O: Ops> Layer<O> {
    fn stages(&self) -> usize {
        match self {
            Self::Resnet(_) => Resnet::<O>::PARTS,
            Self::NormConv(..) => 2,
            _ => 1,
        }
    }

    /// Stage `part` of the layer, from the layer's input and what the stage before gave.
    fn run(&self, ops: &On<'_, O>, part: usize, x: &O::Tensor, branch: Option<&O::Tensor>) -> Result<O::Tensor> {
        match self {
            Self::Conv(conv) => ops.conv(x, conv, Epilogue::none()),
            Self::Resnet(resnet) => resnet.part(ops, part, x, branch.unwrap_or(x), None),
            Self::Attention(attention) => attention.forward(ops, x),
            Self::Upsample(conv) => {
                let shape = ops.shape(x);
                ops.conv(&ops.upsample(x, 2 * shape[2], 2 * shape[3])?, conv, Epilogue::none())
            }
            Self::Downsample(conv) => ops.conv(&ops.pad_bottom_right(x, 1)?, conv, Epilogue::none()),
            Self::NormConv(norm, _) if part == 0 => ops.group_norm(x, norm, Activation::Silu),
            Self::NormConv(_, conv) => ops.conv(branch.unwrap_or(x), conv, Epilogue::none()),
        }
    }

    /// The numbers it works on: the doubled map where it doubles.
    fn work(&self, numbers: usize) -> usize {
        match self {
            Self::Upsample(_) => 4 * numbers,
            _ => numbers,
        }
    }
}

impl<O: Ops> Sequence<O> {
    pub fn new(layers: Vec<Layer<O>>) -> Self {
        let stages = layers.iter().map(Layer::stages).sum();
        Self { layers, stages }
    }

    /// Whether all stages are done.
    pub fn is_done(&self, progress: &Progress<O::Tensor>) -> bool {
        progress.stage >= self.stages
    }

    /// One slice: at least one stage.
    pub fn slice(&self, ops: &O, progress: &Progress<O::Tensor>) -> Result<Progress<O::Tensor>> {
        let (mut now, mut work) = (progress.clone(), 0);
        while let Some((layer, part)) = self.stage(now.stage) {
            let numbers = ops.shape(now.branch.as_ref().unwrap_or(&now.x)).iter().product();
            work += layer.work(numbers);
            if work > now.slice && now.stage > progress.stage {
                break;
            }
            now = self.step(ops, layer, part, now)?;
        }
        Ok(now)
    }

    /// All stages in order.
    pub fn forward(&self, ops: &O, x: &O::Tensor) -> Result<O::Tensor> {
        Ok(self.slice(ops, &Progress::new(x.clone(), usize::MAX))?.x)
    }

    fn step(&self, ops: &O, layer: &Layer<O>, part: usize, now: Progress<O::Tensor>) -> Result<Progress<O::Tensor>> {
        let y = layer.run(&On::plain(ops), part, &now.x, now.branch.as_ref())?;
        let stage = now.stage + 1;
        Ok(match part + 1 == layer.stages() {
            true => Progress { stage, x: y, branch: None, ..now },
            false => Progress { stage, branch: Some(y), ..now },
        })
    }

    fn stage(&self, stage: usize) -> Option<(&Layer<O>, usize)> {
        let mut first = 0;
        self.layers.iter().find_map(|layer| {
            let part = stage.checked_sub(first)?;
            first += layer.stages();
            (part < layer.stages()).then_some((layer, part))
        })
    }
}
