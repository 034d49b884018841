//! The residual block of UNet and autoencoder (diffusers' `ResnetBlock2D`), whole or in parts.

use crate::ops::{Activation, Conv, ConvShape, Epilogue, Linear, Loader, On, Ops, Result};

/// norm, SiLU, conv, (+ time), norm, SiLU, conv, + input.
pub(crate) struct Resnet<O: Ops> {
    norm1: O::Norm,
    conv1: Conv<O>,
    time: Option<Linear<O>>,
    norm2: O::Norm,
    conv2: Conv<O>,
    shortcut: Option<Conv<O>>,
}

/// The numbers of a residual block.
#[derive(Clone, Copy)]
pub(crate) struct ResnetSpec {
    pub inputs: usize,
    pub outputs: usize,
    /// Width of the time embedding; `None` in the autoencoder.
    pub time: Option<usize>,
    pub groups: usize,
    pub epsilon: f64,
}

impl<O: Ops> Resnet<O> {
    pub fn load(at: &Loader<'_, O>, spec: ResnetSpec) -> Result<Self> {
        let ResnetSpec { inputs, outputs, groups, epsilon, .. } = spec;
        Ok(Self {
            norm1: at.at("norm1").group_norm(inputs, groups, epsilon)?,
            conv1: at.at("conv1").conv(ConvShape::same(outputs, inputs, 3))?,
            time: spec.time.map(|width| at.at("time_emb_proj").linear(outputs, width)).transpose()?,
            norm2: at.at("norm2").group_norm(outputs, groups, epsilon)?,
            conv2: at.at("conv2").conv(ConvShape::same(outputs, outputs, 3))?,
            shortcut: match inputs == outputs {
                true => None,
                false => Some(at.at("conv_shortcut").conv(ConvShape::same(outputs, inputs, 1))?),
            },
        })
    }

    /// How many parts it can be run in.
    pub const PARTS: usize = 4;

    /// `time` is the activated time embedding, shape (rows, width).
    pub fn forward(&self, ops: &On<'_, O>, x: &O::Tensor, time: Option<&O::Tensor>) -> Result<O::Tensor> {
        let mut y = x.clone();
        for part in 0..Self::PARTS {
            y = self.part(ops, part, x, &y, time)?;
        }
        Ok(y)
    }

    /// One part, from the block's input and what the part before gave.
    pub fn part(
        &self,
        ops: &On<'_, O>,
        part: usize,
        x: &O::Tensor,
        y: &O::Tensor,
        time: Option<&O::Tensor>,
    ) -> Result<O::Tensor> {
        match part {
            0 => ops.group_norm(x, &self.norm1, Activation::Silu),
            1 => {
                let bias = match (&self.time, time) {
                    (Some(layer), Some(time)) => Some(ops.linear(time, layer, Epilogue::none())?),
                    _ => None,
                };
                ops.conv(y, &self.conv1, Epilogue { row_bias: bias.as_ref(), ..Epilogue::none() })
            }
            2 => ops.group_norm(y, &self.norm2, Activation::Silu),
            _ => match &self.shortcut {
                None => ops.conv(y, &self.conv2, Epilogue::residual(x)),
                Some(shortcut) => {
                    let x = ops.conv(x, shortcut, Epilogue::none())?;
                    ops.conv(y, &self.conv2, Epilogue::residual(&x))
                }
            },
        }
    }
}
