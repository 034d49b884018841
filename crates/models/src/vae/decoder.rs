//! Latents to picture.

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
    upsample: Option<O::Conv>,
}

/// The decoder.
pub(super) struct Decoder<O: Ops> {
    conv_in: O::Conv,
    middle: Middle<O>,
    levels: Vec<Level<O>>,
    norm_out: O::Norm,
    conv_out: O::Conv,
}

impl<O: Ops> Decoder<O> {
    pub fn load(at: &Loader<'_, O>, config: &VaeConfig) -> Result<Self> {
        let channels: Vec<usize> = config.block_out_channels.iter().rev().copied().collect();
        let levels = (0..channels.len())
            .map(|level| {
                let at = at.at("up_blocks").at(level);
                let (first, outputs) = (channels[level.saturating_sub(1)], channels[level]);
                let resnets = (0..=config.layers_per_block)
                    .map(|i| Resnet::load(&at.at("resnets").at(i), resnet(config, if i == 0 { first } else { outputs }, outputs)))
                    .collect::<Result<Vec<_>>>()?;
                let same = ConvShape::same(outputs, outputs, 3);
                let upsample = (level + 1 < channels.len()).then(|| at.at("upsamplers.0.conv").conv(same)).transpose()?;
                Ok(Level { resnets, upsample })
            })
            .collect::<Result<Vec<_>>>()?;
        let last = channels[channels.len() - 1];
        Ok(Self {
            conv_in: at.at("conv_in").conv(ConvShape::same(channels[0], config.latent_channels, 3))?,
            middle: Middle::load(&at.at("mid_block"), config, channels[0])?,
            levels,
            norm_out: at.at("conv_norm_out").group_norm(last, config.norm_num_groups, 1e-6)?,
            conv_out: at.at("conv_out").conv(ConvShape::same(config.out_channels, last, 3))?,
        })
    }

    pub fn forward(&self, ops: &O, z: &O::Tensor) -> Result<O::Tensor> {
        let x = ops.conv(z, &self.conv_in, Epilogue::none())?;
        let mut x = self.middle.forward(ops, &x)?;
        for level in &self.levels {
            for resnet in &level.resnets {
                x = resnet.forward(ops, &x, None)?;
            }
            if let Some(conv) = &level.upsample {
                let shape = ops.shape(&x);
                x = ops.conv(&ops.upsample(&x, 2 * shape[2], 2 * shape[3])?, conv, Epilogue::none())?;
            }
        }
        let x = ops.group_norm(&x, &self.norm_out, Activation::Silu)?;
        ops.conv(&x, &self.conv_out, Epilogue::none())
    }
}
