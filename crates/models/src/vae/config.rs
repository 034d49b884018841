//! `vae/config.json` (diffusers' `AutoencoderKL`).

use serde::Deserialize;
use serde_json::Value;

use crate::config::{Checks, ConfigError, parse};

/// The numbers of an autoencoder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct VaeConfig {
    /// Channels of a picture.
    pub in_channels: usize,
    /// Channels of a picture.
    pub out_channels: usize,
    /// Channels per level, the highest resolution first.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks per level of the encoder; the decoder has one more.
    pub layers_per_block: usize,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Groups of the normalisations.
    pub norm_num_groups: usize,
    /// Side of the pictures it was trained on; the size of a tile.
    pub sample_size: usize,
    /// Latents are multiplied by it before the denoiser sees them.
    pub scaling_factor: f64,
    /// Subtracted before the scaling.
    pub shift_factor: Option<f64>,
    /// Mean per channel of newer models.
    pub latents_mean: Option<Vec<f64>>,
    /// Deviation per channel of newer models.
    pub latents_std: Option<Vec<f64>>,
    /// The middle has an attention layer.
    pub mid_block_add_attention: bool,
    /// A 1x1 convolution follows the encoder.
    pub use_quant_conv: bool,
    /// A 1x1 convolution precedes the decoder.
    pub use_post_quant_conv: bool,
    act_fn: String,
    down_block_types: Vec<String>,
    up_block_types: Vec<String>,
}

impl Default for VaeConfig {
    /// diffusers' defaults.
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            block_out_channels: vec![64],
            layers_per_block: 1,
            latent_channels: 4,
            norm_num_groups: 32,
            sample_size: 32,
            scaling_factor: 0.18215,
            shift_factor: None,
            latents_mean: None,
            latents_std: None,
            mid_block_add_attention: true,
            use_quant_conv: true,
            use_post_quant_conv: true,
            act_fn: "silu".into(),
            down_block_types: vec!["DownEncoderBlock2D".into()],
            up_block_types: vec!["UpDecoderBlock2D".into()],
        }
    }
}

impl VaeConfig {
    /// Parses and checks.
    pub fn from_json(value: &Value) -> Result<Self, ConfigError> {
        let config: Self = parse("vae", value)?;
        let check = Checks { component: "vae" };
        let levels = config.block_out_channels.len();
        if levels == 0 || levels > 6 || config.down_block_types.len() != levels || config.up_block_types.len() != levels {
            return Err(check.error(format!(
                "block_out_channels ({levels}), down_block_types ({}) and up_block_types ({}) must have the same length, 1..=6",
                config.down_block_types.len(),
                config.up_block_types.len()
            )));
        }
        for name in &config.down_block_types {
            check.only("down_block_types", &name.as_str(), &"DownEncoderBlock2D")?;
        }
        for name in &config.up_block_types {
            check.only("up_block_types", &name.as_str(), &"UpDecoderBlock2D")?;
        }
        check.only("act_fn", &config.act_fn.as_str(), &"silu")?;
        check.only("in_channels", &config.in_channels, &3)?;
        check.only("out_channels", &config.out_channels, &3)?;
        check.width("latent_channels", config.latent_channels)?;
        check.layers("layers_per_block", config.layers_per_block)?;
        check.positive("scaling_factor", config.scaling_factor)?;
        for channels in &config.block_out_channels {
            check.width("block_out_channels", *channels)?;
            check.divides("norm_num_groups", config.norm_num_groups, *channels)?;
        }
        if config.sample_size == 0 || config.sample_size > 8192 {
            return Err(check.error(format!("sample_size must be 1..=8192, is {}", config.sample_size)));
        }
        if config.shift_factor.is_some_and(|shift| !shift.is_finite()) {
            return Err(check.error("shift_factor must be finite"));
        }
        if config.latents_mean.is_some() || config.latents_std.is_some() {
            return Err(check.error("latents_mean and latents_std are not supported"));
        }
        Ok(config)
    }

    /// Pixels per latent.
    pub fn scale(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }
}
