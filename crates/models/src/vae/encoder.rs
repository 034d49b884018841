//! Picture to moments.

use super::{
    VaeConfig,
    mid::{middle, resnet},
    sequence::{Layer, Sequence},
};
use crate::{
    ops::{ConvShape, Loader, Ops, Result},
    unet::Resnet,
};

/// The encoder with the 1x1 convolution that follows it in some models.
pub(super) fn load<O: Ops>(root: &Loader<'_, O>, config: &VaeConfig) -> Result<Sequence<O>> {
    let at = root.at("encoder");
    let channels = &config.block_out_channels;
    let (moments, last) = (2 * config.latent_channels, channels[channels.len() - 1]);
    let mut layers = vec![Layer::Conv(at.at("conv_in").conv(ConvShape::same(channels[0], config.in_channels, 3))?)];
    for level in 0..channels.len() {
        let at = at.at("down_blocks").at(level);
        let (first, outputs) = (channels[level.saturating_sub(1)], channels[level]);
        for i in 0..config.layers_per_block {
            let spec = resnet(config, if i == 0 { first } else { outputs }, outputs);
            layers.push(Layer::Resnet(Resnet::load(&at.at("resnets").at(i), spec)?));
        }
        if level + 1 < channels.len() {
            // The zeros are added on one side only (`pad_bottom_right`), so the convolution itself pads nothing.
            let half = ConvShape { outputs, inputs: outputs, kernel: 3, stride: 2, padding: 0 };
            layers.push(Layer::Downsample(at.at("downsamplers.0.conv").conv(half)?));
        }
    }
    layers.extend(middle(&at.at("mid_block"), config, last)?);
    let norm = at.at("conv_norm_out").group_norm(last, config.norm_num_groups, 1e-6)?;
    layers.push(Layer::NormConv(norm, at.at("conv_out").conv(ConvShape::same(moments, last, 3))?));
    if config.use_quant_conv {
        layers.push(Layer::Conv(root.at("quant_conv").conv(ConvShape::same(moments, moments, 1))?));
    }
    Ok(Sequence::new(layers))
}
