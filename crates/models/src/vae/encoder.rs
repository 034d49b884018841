//! Picture to moments.

use super::{
    VaeConfig,
    mid::{Middle, resnet},
};
use crate::{
    ops::{Activation, ConvShape, Epilogue, Loader, Ops, Result},
    unet::Resnet,
};

struct Level<O: Ops> {
    resnets: Vec<Resnet<O>>,
    downsample: Option<O::Conv>,
}

/// The encoder.
pub(super) struct Encoder<O: Ops> {
    conv_in: O::Conv,
    levels: Vec<Level<O>>,
    middle: Middle<O>,
    norm_out: O::Norm,
    conv_out: O::Conv,
}

impl<O: Ops> Encoder<O> {
    pub fn load(at: &Loader<'_, O>, config: &VaeConfig) -> Result<Self> {
        let channels = &config.block_out_channels;
        let last = channels[channels.len() - 1];
        let levels = (0..channels.len())
            .map(|level| {
                let at = at.at("down_blocks").at(level);
                let (first, outputs) = (channels[level.saturating_sub(1)], channels[level]);
                let resnets = (0..config.layers_per_block)
                    .map(|i| Resnet::load(&at.at("resnets").at(i), resnet(config, if i == 0 { first } else { outputs }, outputs)))
                    .collect::<Result<Vec<_>>>()?;
                // The zeros are added on one side only (`pad_bottom_right`), so the convolution itself pads nothing.
                let half = ConvShape { outputs, inputs: outputs, kernel: 3, stride: 2, padding: 0 };
                let downsample = (level + 1 < channels.len()).then(|| at.at("downsamplers.0.conv").conv(half)).transpose()?;
                Ok(Level { resnets, downsample })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            conv_in: at.at("conv_in").conv(ConvShape::same(channels[0], config.in_channels, 3))?,
            levels,
            middle: Middle::load(&at.at("mid_block"), config, last)?,
            norm_out: at.at("conv_norm_out").group_norm(last, config.norm_num_groups, 1e-6)?,
            conv_out: at.at("conv_out").conv(ConvShape::same(2 * config.latent_channels, last, 3))?,
        })
    }

    pub fn forward(&self, ops: &O, x: &O::Tensor) -> Result<O::Tensor> {
        let mut x = ops.conv(x, &self.conv_in, Epilogue::none())?;
        for level in &self.levels {
            for resnet in &level.resnets {
                x = resnet.forward(ops, &x, None)?;
            }
            if let Some(conv) = &level.downsample {
                x = ops.conv(&ops.pad_bottom_right(&x, 1)?, conv, Epilogue::none())?;
            }
        }
        let x = self.middle.forward(ops, &x)?;
        let x = ops.group_norm(&x, &self.norm_out, Activation::Silu)?;
        ops.conv(&x, &self.conv_out, Epilogue::none())
    }
}
