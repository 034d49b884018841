//! The whole UNet: down through the levels, the middle, up again with the skip connections.

use std::cell::RefCell;

use super::{
    Control, Level, ResnetSpec, UNetConfig,
    resnet::Resnet,
    time::{TimeMlp, sinusoid},
    transformer::{Transformer, TransformerSpec},
};
use crate::ops::{Activation, Conv, ConvShape, Epilogue, Layers, Loader, On, Ops, Result};

pub(super) struct Down<O: Ops> {
    level: Level<O>,
    downsample: Option<Conv<O>>,
}

pub(super) struct Middle<O: Ops> {
    first: Resnet<O>,
    transformer: Option<Transformer<O>>,
    second: Resnet<O>,
}

struct Up<O: Ops> {
    level: Level<O>,
    upsample: Option<Conv<O>>,
}

/// A conditional UNet.
pub struct UNet<O: Ops> {
    config: UNetConfig,
    conv_in: Conv<O>,
    time: TimeMlp<O>,
    text_time: Option<TimeMlp<O>>,
    down: Vec<Down<O>>,
    middle: Middle<O>,
    up: Vec<Up<O>>,
    norm_out: O::Norm,
    conv_out: Conv<O>,
    layers: Layers,
    records: O::Records,
}

/// What the denoiser is told besides latents and time, one row each.
pub struct Conditioning<'a, T> {
    /// Text states (rows, tokens, cross_attention_dim).
    pub context: &'a T,
    /// SDXL: pooled text and embedded sizes, (rows, projection_class_embeddings_input_dim).
    pub text_time: Option<&'a T>,
    /// LCM-distilled models: the embedded guidance scale, (rows, time_cond_proj_dim).
    pub guidance: Option<&'a T>,
}

/// What one evaluation is told besides the latents.
pub struct Step<'a, T> {
    /// One for every row.
    pub timesteps: &'a [f32],
    /// What every row is told.
    pub given: Conditioning<'a, T>,
    /// What ControlNets add to some rows.
    pub controls: &'a [Control<T>],
}

impl<O: Ops> UNet<O> {
    /// Loads the weights.
    pub fn load(config: UNetConfig, root: &Loader<'_, O>) -> Result<Self> {
        let layers = RefCell::default();
        let root = &root.listing(&layers);
        let first = config.channels[0];
        let embedding = 4 * first;
        let time = TimeMlp::load(&root.at("time_embedding"), first, embedding, config.time_cond_proj_dim)?;
        let text_time = match config.text_time {
            None => None,
            Some((_, input)) => Some(TimeMlp::load(&root.at("add_embedding"), input, embedding, None)?),
        };
        let unet = Self {
            conv_in: root.at("conv_in").conv(ConvShape::same(first, config.in_channels, 3))?,
            time,
            text_time,
            down: load_down(&config, root)?,
            middle: load_middle(&config, root)?,
            up: load_up(&config, root)?,
            norm_out: root.at("conv_norm_out").group_norm(first, config.norm_groups, config.norm_epsilon)?,
            conv_out: root.at("conv_out").conv(ConvShape::same(config.out_channels, first, 3))?,
            records: O::Records::default(),
            layers: Layers::new(),
            config,
        };
        Ok(Self { layers: layers.take(), ..unet })
    }

    /// What adapters can add to.
    pub fn layers(&self) -> &Layers {
        &self.layers
    }

    /// The numbers it was built from.
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }

    /// The model output for (rows, in_channels, height, width) latents at one timestep per row.
    pub fn forward(&self, ops: &O, x: &O::Tensor, timesteps: &[f32], given: &Conditioning<'_, O::Tensor>) -> Result<O::Tensor> {
        let given = Conditioning { context: given.context, text_time: given.text_time, guidance: given.guidance };
        self.forward_on(&On::plain(ops), x, &Step { timesteps, given, controls: &[] })
    }

    /// The same where rows wear adapters or have ControlNets.
    pub fn forward_on(&self, ops: &On<'_, O>, x: &O::Tensor, step: &Step<'_, O::Tensor>) -> Result<O::Tensor> {
        let Step { timesteps, given, controls } = step;
        let width = self.config.channels[0];
        let waves = sinusoid(timesteps, width, self.config.flip_sin_to_cos, self.config.freq_shift);
        let waves = ops.upload(&waves, &[timesteps.len(), width])?;
        if !ops.is_plain() || !controls.is_empty() {
            return self.evaluate(ops, [x, &waves], given, controls);
        }
        // Everything that changes from step to step is an input, so that the rest may be recorded.
        let mut inputs = vec![x, &waves, given.context];
        inputs.extend(given.text_time);
        inputs.extend(given.guidance);
        let text_time = given.text_time.map(|_| 3);
        let guidance = given.guidance.map(|_| 3 + usize::from(text_time.is_some()));
        ops.repeat(&self.records, &inputs, &|inputs| {
            let given = Conditioning {
                context: &inputs[2],
                text_time: text_time.map(|at| &inputs[at]),
                guidance: guidance.map(|at| &inputs[at]),
            };
            self.evaluate(ops, [&inputs[0], &inputs[1]], &given, &[])
        })
    }

    fn evaluate(
        &self,
        ops: &On<'_, O>,
        [x, waves]: [&O::Tensor; 2],
        given: &Conditioning<'_, O::Tensor>,
        controls: &[Control<O::Tensor>],
    ) -> Result<O::Tensor> {
        let time = self.embed_time(ops, waves, given)?;
        let mut x = ops.conv(x, &self.conv_in, Epilogue::none())?;
        let mut skips = vec![x.clone()];
        for down in &self.down {
            x = down.forward(ops, x, &time, given.context, &mut skips)?;
        }
        x = self.middle.forward(ops, &x, &time, given.context)?;
        for control in controls {
            for (skip, residual) in skips.iter_mut().zip(&control.down) {
                *skip = control.add(&**ops, skip.clone(), residual)?;
            }
            x = control.add(&**ops, x, &control.middle)?;
        }
        for up in &self.up {
            for i in 0..up.level.resnets.len() {
                let skip = skips.pop().expect("one skip per upward block by construction. This is a bug.");
                x = up.level.block(ops, i, &ops.concat_channels(&[&x, &skip])?, &time, given.context)?;
            }
            if let (Some(conv), Some(skip)) = (&up.upsample, skips.last()) {
                // An odd size was rounded up on the way down: go back to the size of the skip, not to twice our own.
                let shape = ops.shape(skip);
                x = ops.conv(&ops.upsample(&x, shape[2], shape[3])?, conv, Epilogue::none())?;
            }
        }
        let x = ops.group_norm(&x, &self.norm_out, Activation::Silu)?;
        ops.conv(&x, &self.conv_out, Epilogue::none())
    }

    /// The activated time embedding: every use of it begins with a SiLU, so it is applied once.
    fn embed_time(&self, ops: &On<'_, O>, waves: &O::Tensor, given: &Conditioning<'_, O::Tensor>) -> Result<O::Tensor> {
        let time = self.time.forward(ops, waves, given.guidance)?;
        let time = match (&self.text_time, given.text_time) {
            (Some(mlp), Some(text_time)) => ops.add(&time, &mlp.forward(ops, text_time, None)?)?,
            _ => time,
        };
        ops.activate(&time, Activation::Silu)
    }
}

impl<O: Ops> Down<O> {
    /// The level's blocks and its halving; each state is also kept for the way up.
    pub(super) fn forward(
        &self,
        ops: &On<'_, O>,
        mut x: O::Tensor,
        time: &O::Tensor,
        context: &O::Tensor,
        skips: &mut Vec<O::Tensor>,
    ) -> Result<O::Tensor> {
        for i in 0..self.level.resnets.len() {
            x = self.level.block(ops, i, &x, time, context)?;
            skips.push(x.clone());
        }
        if let Some(conv) = &self.downsample {
            x = ops.conv(&x, conv, Epilogue::none())?;
            skips.push(x.clone());
        }
        Ok(x)
    }
}

impl<O: Ops> Middle<O> {
    pub(super) fn forward(&self, ops: &On<'_, O>, x: &O::Tensor, time: &O::Tensor, context: &O::Tensor) -> Result<O::Tensor> {
        let x = self.first.forward(ops, x, Some(time))?;
        let x = match &self.transformer {
            None => x,
            Some(transformer) => transformer.forward(ops, &x, context)?,
        };
        self.second.forward(ops, &x, Some(time))
    }
}

impl UNetConfig {
    fn resnet(&self, inputs: usize, outputs: usize) -> ResnetSpec {
        ResnetSpec { inputs, outputs, time: Some(4 * self.channels[0]), groups: self.norm_groups, epsilon: self.norm_epsilon }
    }

    fn transformer(&self, level: usize) -> TransformerSpec {
        TransformerSpec {
            channels: self.channels[level],
            heads: self.heads[level],
            layers: self.transformer_layers[level],
            context: self.cross_attention_dim,
            groups: self.norm_groups,
            linear_projection: self.linear_projection,
        }
    }
}

pub(super) fn load_down<O: Ops>(config: &UNetConfig, root: &Loader<'_, O>) -> Result<Vec<Down<O>>> {
    let levels = config.channels.len();
    (0..levels)
        .map(|level| {
            let at = root.at("down_blocks").at(level);
            let outputs = config.channels[level];
            let first = config.channels[level.saturating_sub(1)];
            let specs: Vec<_> =
                (0..config.layers[level]).map(|i| config.resnet(if i == 0 { first } else { outputs }, outputs)).collect();
            let transformer = config.down_attention[level].then(|| config.transformer(level));
            let half = ConvShape { stride: 2, ..ConvShape::same(outputs, outputs, 3) };
            Ok(Down {
                level: Level::load(&at, &specs, transformer)?,
                downsample: (level + 1 < levels).then(|| at.at("downsamplers.0.conv").conv(half)).transpose()?,
            })
        })
        .collect()
}

pub(super) fn load_middle<O: Ops>(config: &UNetConfig, root: &Loader<'_, O>) -> Result<Middle<O>> {
    let (at, last) = (root.at("mid_block"), config.channels.len() - 1);
    let spec = config.resnet(config.channels[last], config.channels[last]);
    Ok(Middle {
        first: Resnet::load(&at.at("resnets.0"), spec)?,
        transformer: match config.mid_attention {
            true => Some(Transformer::load(&at.at("attentions.0"), config.transformer(last))?),
            false => None,
        },
        second: Resnet::load(&at.at("resnets.1"), spec)?,
    })
}

fn load_up<O: Ops>(config: &UNetConfig, root: &Loader<'_, O>) -> Result<Vec<Up<O>>> {
    let levels = config.channels.len();
    (0..levels)
        .map(|i| {
            let level = levels - 1 - i;
            let at = root.at("up_blocks").at(i);
            let outputs = config.channels[level];
            // What comes from below, and what the skips of this level and of the one above carry.
            let below = config.channels[(level + 1).min(levels - 1)];
            let above = config.channels[level.saturating_sub(1)];
            let count = config.layers[level] + 1;
            let specs: Vec<_> = (0..count)
                .map(|j| {
                    let x = if j == 0 { below } else { outputs };
                    let skip = if j + 1 == count { above } else { outputs };
                    config.resnet(x + skip, outputs)
                })
                .collect();
            let transformer = config.up_attention[i].then(|| config.transformer(level));
            let same = ConvShape::same(outputs, outputs, 3);
            Ok(Up {
                level: Level::load(&at, &specs, transformer)?,
                upsample: (level > 0).then(|| at.at("upsamplers.0.conv").conv(same)).transpose()?,
            })
        })
        .collect()
}
