//! Latents to picture.

use super::{
    VaeConfig,
    mid::{middle, resnet},
    sequence::{Layer, Sequence},
};
use crate::{
    ops::{ConvShape, Loader, Ops, Result},
    unet::Resnet,
};

/// The decoder behind the 1x1 convolution that some models have.
pub(super) fn load<O: Ops>(root: &Loader<'_, O>, config: &VaeConfig) -> Result<Sequence<O>> {
    let at = root.at("decoder");
    let channels: Vec<usize> = config.block_out_channels.iter().rev().copied().collect();
    let (latent, last) = (config.latent_channels, channels[channels.len() - 1]);
    let mut layers = Vec::new();
    if config.use_post_quant_conv {
        layers.push(Layer::Conv(root.at("post_quant_conv").conv(ConvShape::same(latent, latent, 1))?));
    }
    layers.push(Layer::Conv(at.at("conv_in").conv(ConvShape::same(channels[0], latent, 3))?));
    layers.extend(middle(&at.at("mid_block"), config, channels[0])?);
    for level in 0..channels.len() {
        let at = at.at("up_blocks").at(level);
        let (first, outputs) = (channels[level.saturating_sub(1)], channels[level]);
        for i in 0..=config.layers_per_block {
            let spec = resnet(config, if i == 0 { first } else { outputs }, outputs);
            layers.push(Layer::Resnet(Resnet::load(&at.at("resnets").at(i), spec)?));
        }
        if level + 1 < channels.len() {
            layers.push(Layer::Upsample(at.at("upsamplers.0.conv").conv(ConvShape::same(outputs, outputs, 3))?));
        }
    }
    let norm = at.at("conv_norm_out").group_norm(last, config.norm_num_groups, 1e-6)?;
    layers.push(Layer::NormConv(norm, at.at("conv_out").conv(ConvShape::same(config.out_channels, last, 3))?));
    Ok(Sequence::new(layers))
}
