//! The middle of encoder and decoder: a residual block, single-head attention over all pixels, a residual block.

use super::{VaeConfig, sequence::Layer};
use crate::{
    ops::{Activation, Epilogue, Linear, Loader, Mask, On, Ops, Result},
    unet::{Resnet, ResnetSpec},
};

/// Single-head attention over all pixels, with a residual connection around it.
pub(super) struct Attention<O: Ops> {
    norm: O::Norm,
    q: Linear<O>,
    k: Linear<O>,
    v: Linear<O>,
    out: Linear<O>,
}

/// A residual block of the autoencoder: no time embedding.
pub(super) fn resnet(config: &VaeConfig, inputs: usize, outputs: usize) -> ResnetSpec {
    ResnetSpec { inputs, outputs, time: None, groups: config.norm_num_groups, epsilon: 1e-6 }
}

impl<O: Ops> Attention<O> {
    fn load(at: &Loader<'_, O>, channels: usize, groups: usize) -> Result<Self> {
        Ok(Self {
            norm: at.at("group_norm").group_norm(channels, groups, 1e-6)?,
            q: at.at("to_q").linear(channels, channels)?,
            k: at.at("to_k").linear(channels, channels)?,
            v: at.at("to_v").linear(channels, channels)?,
            out: at.at("to_out.0").linear(channels, channels)?,
        })
    }

    pub fn forward(&self, ops: &On<'_, O>, x: &O::Tensor) -> Result<O::Tensor> {
        let shape = ops.shape(x);
        let y = ops.map_to_tokens(&ops.group_norm(x, &self.norm, Activation::None)?)?;
        let [q, k, v] = [&self.q, &self.k, &self.v].map(|w| ops.linear(&y, w, Epilogue::none()));
        let y = ops.attention(&q?, &k?, &v?, 1, Mask::Full)?;
        let y = ops.linear(&y, &self.out, Epilogue::none())?;
        ops.add(&ops.tokens_to_map(&y, shape[2], shape[3])?, x)
    }
}

/// The layers of the middle block.
pub(super) fn middle<O: Ops>(at: &Loader<'_, O>, config: &VaeConfig, channels: usize) -> Result<Vec<Layer<O>>> {
    let spec = resnet(config, channels, channels);
    let mut layers = vec![Layer::Resnet(Resnet::load(&at.at("resnets.0"), spec)?)];
    if config.mid_block_add_attention {
        layers.push(Layer::Attention(Attention::load(&at.at("attentions.0"), channels, config.norm_num_groups)?));
    }
    layers.push(Layer::Resnet(Resnet::load(&at.at("resnets.1"), spec)?));
    Ok(layers)
}
