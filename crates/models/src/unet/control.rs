//! ControlNet (Zhang et al. 2023; diffusers' `ControlNetModel`): a copy of the denoiser's way down that also sees a picture of edges, depths or
//! poses, and whose states are added to the denoiser's own through convolutions of one pixel.
//!
//! The picture is the same at every step, so what the first layers make of it ([`ControlNet::embed`]) is computed once. A row without control
//! is not among the rows it is run on, and costs nothing.

use std::ops::Range;

use serde_json::Value;

use super::{
    UNetConfig,
    model::{Down, Middle, Step, load_down, load_middle},
    time::{TimeMlp, sinusoid},
};
use crate::{
    config::{Checks, ConfigError},
    ops::{Activation, Conv, ConvShape, Epilogue, Loader, On, Ops, Result},
};

/// Channels of the layers that see the picture, where nobody says otherwise.
const EMBEDDING: [usize; 4] = [16, 32, 96, 256];

/// `config.json` of a ControlNet.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlConfig {
    /// The way down.
    pub unet: UNetConfig,
    /// Channels of the layers that see the picture; each but the last halves its sides.
    pub embedding: Vec<usize>,
}

impl ControlConfig {
    /// That of a file without a configuration: it mirrors the denoiser it controls.
    pub fn mirroring(unet: &UNetConfig) -> Self {
        Self { unet: unet.clone(), embedding: EMBEDDING.into() }
    }

    /// Reads the configuration for a ControlNet of this denoiser.
    pub fn from_json(value: &Value, unet: &UNetConfig) -> std::result::Result<Self, ConfigError> {
        let check = Checks { component: "controlnet" };
        let number = |key: &str, or: u64| value.get(key).and_then(Value::as_u64).unwrap_or(or);
        check.only("conditioning_channels", &number("conditioning_channels", 3), &3)?;
        let pooled = value.get("global_pool_conditions").and_then(Value::as_bool).unwrap_or(false);
        check.only("global_pool_conditions", &pooled, &false)?;
        let order = value.get("controlnet_conditioning_channel_order").and_then(Value::as_str).unwrap_or("rgb");
        check.only("controlnet_conditioning_channel_order", &order, &"rgb")?;
        let embedding = match value.get("conditioning_embedding_out_channels") {
            None | Some(Value::Null) => EMBEDDING.into(),
            Some(list) => serde_json::from_value::<Vec<usize>>(list.clone())
                .map_err(|error| check.error(format!("conditioning_embedding_out_channels: {error}")))?,
        };
        if embedding.is_empty() || embedding.len() > 8 {
            return Err(check.error("conditioning_embedding_out_channels must have 1..=8 numbers"));
        }
        embedding.iter().try_for_each(|width| check.width("conditioning_embedding_out_channels", *width))?;
        let own = UNetConfig::from_json(&as_unet(value))?;
        let same = |c: &UNetConfig| {
            (
                c.channels.clone(),
                c.layers.clone(),
                c.transformer_layers.clone(),
                c.down_attention.clone(),
                c.cross_attention_dim,
                c.text_time,
                c.in_channels,
            )
        };
        if same(&own) != same(unet) {
            return Err(check.error("the ControlNet is for another architecture than the model"));
        }
        Ok(Self { unet: own, embedding })
    }
}

/// The configuration with the way up that it does not have, mirrored from the way down.
fn as_unet(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(down) = value.get("down_block_types").and_then(Value::as_array) {
        let up = down.iter().rev().filter_map(Value::as_str);
        let up: Vec<Value> = up.map(|name| name.replace("Down", "Up").into()).collect();
        value["up_block_types"] = up.into();
    }
    value
}

/// A ControlNet.
pub struct ControlNet<O: Ops> {
    config: ControlConfig,
    conv_in: Conv<O>,
    time: TimeMlp<O>,
    text_time: Option<TimeMlp<O>>,
    embed_in: Conv<O>,
    embed: Vec<Conv<O>>,
    embed_out: Conv<O>,
    down: Vec<Down<O>>,
    down_out: Vec<Conv<O>>,
    middle: Middle<O>,
    middle_out: Conv<O>,
}

/// What the outer layers have less of a soft ControlNet than the next inner one, and the place in which it has all of it: the middle of Stable
/// Diffusion 1.x. Both are the ControlNet's authors' own.
const SOFTER: f64 = 0.825;
const INNERMOST: i32 = 12;

/// How much of a ControlNet a row has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weight {
    /// The factor of everything it adds.
    pub all: f32,
    /// The outer layers have less of it.
    pub soft: bool,
}

impl Weight {
    /// The factor of what it adds in a place, counted from the outermost.
    fn at(self, place: usize) -> f32 {
        if !self.soft {
            return self.all;
        }
        let inwards = INNERMOST - i32::try_from(place).unwrap_or(INNERMOST).min(INNERMOST);
        (f64::from(self.all) * SOFTER.powi(inwards)) as f32
    }
}

/// What a ControlNet adds to some of a denoiser's rows.
pub struct Control<T> {
    /// Rows of the denoiser, and the first of the residuals' rows that are theirs.
    pub runs: Vec<(Range<usize>, usize)>,
    /// One for every skip connection.
    pub down: Vec<T>,
    /// For the middle.
    pub middle: T,
}

impl<O: Ops> ControlNet<O> {
    /// Loads the weights.
    pub fn load(config: ControlConfig, root: &Loader<'_, O>) -> Result<Self> {
        let unet = &config.unet;
        let (first, last) = (unet.channels[0], unet.channels[unet.channels.len() - 1]);
        let embed = root.at("controlnet_cond_embedding");
        let channels = &config.embedding;
        let mut blocks = Vec::new();
        for (i, pair) in channels.windows(2).enumerate() {
            blocks.push(embed.at("blocks").at(2 * i).conv(ConvShape::same(pair[0], pair[0], 3))?);
            blocks.push(embed.at("blocks").at(2 * i + 1).conv(ConvShape { stride: 2, ..ConvShape::same(pair[1], pair[0], 3) })?);
        }
        // The states that skip: the first, every block's, every halving's.
        let mut widths = vec![first];
        for (level, channels) in unet.channels.iter().enumerate() {
            let halved = usize::from(level + 1 < unet.channels.len());
            widths.extend(std::iter::repeat_n(*channels, unet.layers[level] + halved));
        }
        let out = root.at("controlnet_down_blocks");
        Ok(Self {
            conv_in: root.at("conv_in").conv(ConvShape::same(first, unet.in_channels, 3))?,
            time: TimeMlp::load(&root.at("time_embedding"), first, 4 * first, unet.time_cond_proj_dim)?,
            text_time: match unet.text_time {
                None => None,
                Some((_, input)) => Some(TimeMlp::load(&root.at("add_embedding"), input, 4 * first, None)?),
            },
            embed_in: embed.at("conv_in").conv(ConvShape::same(channels[0], 3, 3))?,
            embed: blocks,
            embed_out: embed.at("conv_out").conv(ConvShape::same(first, channels[channels.len() - 1], 3))?,
            down: load_down(unet, root)?,
            down_out: widths
                .iter()
                .enumerate()
                .map(|(i, width)| out.at(i).conv(ConvShape::same(*width, *width, 1)))
                .collect::<Result<_>>()?,
            middle: load_middle(unet, root)?,
            middle_out: root.at("controlnet_mid_block").conv(ConvShape::same(last, last, 1))?,
            config,
        })
    }

    /// How many pixels of the picture are one latent.
    pub fn scale(&self) -> usize {
        1 << (self.config.embedding.len() - 1)
    }

    /// What the first layers make of a (1, 3, height, width) picture of numbers 0..=1: as large as latents.
    pub fn embed(&self, ops: &O, picture: &O::Tensor) -> Result<O::Tensor> {
        let ops = &On::plain(ops);
        let silu = || Epilogue::activation(Activation::Silu);
        let mut x = ops.conv(picture, &self.embed_in, silu())?;
        for conv in &self.embed {
            x = ops.conv(&x, conv, silu())?;
        }
        ops.conv(&x, &self.embed_out, Epilogue::none())
    }

    /// The residuals for rows of latents with their embedded pictures and the weight of each row.
    pub fn forward(
        &self,
        ops: &O,
        x: &O::Tensor,
        step: &Step<'_, O::Tensor>,
        embedded: &O::Tensor,
        weights: &[Weight],
    ) -> Result<(Vec<O::Tensor>, O::Tensor)> {
        let Step { timesteps, given, .. } = step;
        let (ops, unet) = (&On::plain(ops), &self.config.unet);
        let waves = sinusoid(timesteps, unet.channels[0], unet.flip_sin_to_cos, unet.freq_shift);
        let waves = ops.upload(&waves, &[timesteps.len(), unet.channels[0]])?;
        let time = self.time.forward(ops, &waves, given.guidance)?;
        let time = match (&self.text_time, given.text_time) {
            (Some(mlp), Some(text_time)) => ops.add(&time, &mlp.forward(ops, text_time, None)?)?,
            _ => time,
        };
        let time = ops.activate(&time, Activation::Silu)?;
        let mut x = ops.conv(x, &self.conv_in, Epilogue::residual(embedded))?;
        let mut states = vec![x.clone()];
        for down in &self.down {
            x = down.forward(ops, x, &time, given.context, &mut states)?;
        }
        x = self.middle.forward(ops, &x, &time, given.context)?;
        let factors = |place: usize| -> Result<O::Tensor> {
            let factors: Vec<f32> = weights.iter().map(|weight| weight.at(place)).collect();
            ops.upload(&factors, &[weights.len(), 1])
        };
        let (soft, outermost) = (weights.iter().any(|weight| weight.soft), factors(0)?);
        let weighed = |x: &O::Tensor, conv: &Conv<O>, place: usize| -> Result<O::Tensor> {
            let own = if soft { Some(factors(place)?) } else { None };
            ops.scale_rows(&ops.conv(x, conv, Epilogue::none())?, own.as_ref().unwrap_or(&outermost))
        };
        let places = states.iter().zip(&self.down_out).enumerate();
        let down = places.map(|(place, (x, conv))| weighed(x, conv, place)).collect::<Result<_>>()?;
        Ok((down, weighed(&x, &self.middle_out, states.len())?))
    }
}

impl<T> Control<T> {
    /// Adds a residual to the rows that have one.
    pub(super) fn add<O: Ops<Tensor = T>>(&self, ops: &O, x: T, residual: &T) -> Result<T> {
        self.runs.iter().try_fold(x, |x, (rows, first)| {
            let part = ops.add(&ops.rows(&x, rows.start, rows.len())?, &ops.rows(residual, *first, rows.len())?)?;
            ops.put_rows(&x, &[(rows.start, part)])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Weight;

    #[test]
    fn the_middle_has_all_and_the_outer_layers_have_less() {
        let (even, soft) = (Weight { all: 0.5, soft: false }, Weight { all: 0.5, soft: true });
        for place in 0..=13 {
            assert_eq!(even.at(place), 0.5);
            let expected = 0.5 * 0.825_f32.powi(12 - place.min(12) as i32);
            assert!((soft.at(place) - expected).abs() < 1e-6, "{place}");
        }
        assert_eq!(soft.at(12), 0.5);
    }
}
