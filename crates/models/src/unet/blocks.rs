//! One resolution level of the UNet: residual blocks, each followed by a transformer where the level has attention.

use super::{
    resnet::Resnet,
    transformer::{Transformer, TransformerSpec},
};
use crate::ops::{Loader, On, Ops, Result};

pub(crate) use super::resnet::ResnetSpec;

/// The residual blocks and transformers of a level, in the order they run.
pub(crate) struct Level<O: Ops> {
    pub(super) resnets: Vec<Resnet<O>>,
    pub(super) transformers: Vec<Transformer<O>>,
}

impl<O: Ops> Level<O> {
    /// Loads `resnets.i` and, with a transformer, `attentions.i`.
    pub(super) fn load(at: &Loader<'_, O>, specs: &[ResnetSpec], transformer: Option<TransformerSpec>) -> Result<Self> {
        let (resnets, attentions) = (at.at("resnets"), at.at("attentions"));
        let mut level = Self { resnets: Vec::new(), transformers: Vec::new() };
        for (i, spec) in specs.iter().enumerate() {
            level.resnets.push(Resnet::load(&resnets.at(i), *spec)?);
            if let Some(transformer) = transformer {
                level.transformers.push(Transformer::load(&attentions.at(i), transformer)?);
            }
        }
        Ok(level)
    }

    /// Residual block `i` and its transformer.
    pub(super) fn block(
        &self,
        ops: &On<'_, O>,
        i: usize,
        x: &O::Tensor,
        time: &O::Tensor,
        context: &O::Tensor,
    ) -> Result<O::Tensor> {
        let x = self.resnets[i].forward(ops, x, Some(time))?;
        match self.transformers.get(i) {
            None => Ok(x),
            Some(transformer) => transformer.forward(ops, &x, context),
        }
    }
}
