//! `unet/config.json` (diffusers' `UNet2DConditionModel`).

use serde::Deserialize;
use serde_json::Value;

use crate::config::{Checks, ConfigError, PerLevel, parse};

/// The numbers of a conditional UNet, one entry per level where they differ by level, the highest resolution first.
#[derive(Debug, Clone, PartialEq)]
pub struct UNetConfig {
    /// Side of the native latents.
    pub sample_size: usize,
    /// Latent channels in: 4, or 9 with mask and masked picture.
    pub in_channels: usize,
    /// Latent channels out.
    pub out_channels: usize,
    /// Channels per level.
    pub channels: Vec<usize>,
    /// Whether the level has cross-attention on the way down.
    pub down_attention: Vec<bool>,
    /// Whether the level has cross-attention on the way up, the lowest resolution first.
    pub up_attention: Vec<bool>,
    /// Residual blocks per level on the way down; one more on the way up.
    pub layers: Vec<usize>,
    /// Transformer layers per attention block.
    pub transformer_layers: Vec<usize>,
    /// Attention heads per level.
    pub heads: Vec<usize>,
    /// Width of the text states.
    pub cross_attention_dim: usize,
    /// Groups of the normalisations.
    pub norm_groups: usize,
    /// Added to the variance.
    pub norm_epsilon: f64,
    /// Transformers are entered through a linear layer instead of a 1x1 convolution.
    pub linear_projection: bool,
    /// Cosines come before sines in the time embedding.
    pub flip_sin_to_cos: bool,
    /// Shift of the time embedding's frequencies.
    pub freq_shift: f64,
    /// SDXL's `text_time` conditioning: width of a number's embedding and of the whole input.
    pub text_time: Option<(usize, usize)>,
    /// Width of the guidance embedding of LCM-distilled models.
    pub time_cond_proj_dim: Option<usize>,
    /// The middle has a transformer.
    pub mid_attention: bool,
}

#[derive(Deserialize)]
#[serde(default)]
struct Raw {
    sample_size: Option<usize>,
    in_channels: usize,
    out_channels: usize,
    center_input_sample: bool,
    flip_sin_to_cos: bool,
    freq_shift: f64,
    down_block_types: Vec<String>,
    mid_block_type: Option<String>,
    up_block_types: Vec<String>,
    only_cross_attention: PerLevel<bool>,
    block_out_channels: Vec<usize>,
    layers_per_block: PerLevel<usize>,
    downsample_padding: usize,
    mid_block_scale_factor: f64,
    act_fn: String,
    norm_num_groups: usize,
    norm_eps: f64,
    cross_attention_dim: PerLevel<usize>,
    transformer_layers_per_block: PerLevel<usize>,
    reverse_transformer_layers_per_block: Option<Value>,
    encoder_hid_dim: Option<usize>,
    attention_head_dim: PerLevel<usize>,
    num_attention_heads: Option<PerLevel<usize>>,
    dual_cross_attention: bool,
    use_linear_projection: bool,
    class_embed_type: Option<String>,
    num_class_embeds: Option<usize>,
    addition_embed_type: Option<String>,
    addition_time_embed_dim: Option<usize>,
    resnet_time_scale_shift: String,
    time_embedding_type: String,
    time_cond_proj_dim: Option<usize>,
    conv_in_kernel: usize,
    conv_out_kernel: usize,
    projection_class_embeddings_input_dim: Option<usize>,
}

impl Default for Raw {
    /// diffusers' defaults.
    fn default() -> Self {
        let names = |names: [&str; 4]| names.map(str::to_owned).to_vec();
        Self {
            sample_size: None,
            in_channels: 4,
            out_channels: 4,
            center_input_sample: false,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            down_block_types: names(["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"]),
            mid_block_type: Some("UNetMidBlock2DCrossAttn".into()),
            up_block_types: names(["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]),
            only_cross_attention: PerLevel::Same(false),
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: PerLevel::Same(2),
            downsample_padding: 1,
            mid_block_scale_factor: 1.0,
            act_fn: "silu".into(),
            norm_num_groups: 32,
            norm_eps: 1e-5,
            cross_attention_dim: PerLevel::Same(1280),
            transformer_layers_per_block: PerLevel::Same(1),
            reverse_transformer_layers_per_block: None,
            encoder_hid_dim: None,
            attention_head_dim: PerLevel::Same(8),
            num_attention_heads: None,
            dual_cross_attention: false,
            use_linear_projection: false,
            class_embed_type: None,
            num_class_embeds: None,
            addition_embed_type: None,
            addition_time_embed_dim: None,
            resnet_time_scale_shift: "default".into(),
            time_embedding_type: "positional".into(),
            time_cond_proj_dim: None,
            conv_in_kernel: 3,
            conv_out_kernel: 3,
            projection_class_embeddings_input_dim: None,
        }
    }
}

impl Raw {
    /// Refuses what would silently change the picture.
    fn refuse_unsupported(&self, check: &Checks<'_>) -> Result<(), ConfigError> {
        check.only("center_input_sample", &self.center_input_sample, &false)?;
        check.only("downsample_padding", &self.downsample_padding, &1)?;
        check.only("mid_block_scale_factor", &self.mid_block_scale_factor, &1.0)?;
        check.only("act_fn", &self.act_fn.as_str(), &"silu")?;
        check.only("dual_cross_attention", &self.dual_cross_attention, &false)?;
        check.only("resnet_time_scale_shift", &self.resnet_time_scale_shift.as_str(), &"default")?;
        check.only("time_embedding_type", &self.time_embedding_type.as_str(), &"positional")?;
        check.only("conv_in_kernel", &self.conv_in_kernel, &3)?;
        check.only("conv_out_kernel", &self.conv_out_kernel, &3)?;
        check.only("encoder_hid_dim", &self.encoder_hid_dim, &None)?;
        check.only("class_embed_type", &self.class_embed_type, &None)?;
        check.only("num_class_embeds", &self.num_class_embeds, &None)?;
        if self.reverse_transformer_layers_per_block.is_some() {
            return Err(check.error("reverse_transformer_layers_per_block is not supported"));
        }
        if self.only_cross_attention.expand(self.block_out_channels.len()).is_none_or(|each| each.contains(&true)) {
            return Err(check.error("only_cross_attention is not supported"));
        }
        Ok(())
    }

    fn text_time(&self, check: &Checks<'_>) -> Result<Option<(usize, usize)>, ConfigError> {
        match self.addition_embed_type.as_deref() {
            None => Ok(None),
            Some("text_time") => match (self.addition_time_embed_dim, self.projection_class_embeddings_input_dim) {
                (Some(dim), Some(input)) => {
                    check.width("addition_time_embed_dim", dim)?;
                    check.divides("addition_time_embed_dim / 2", 2, dim)?;
                    check.width("projection_class_embeddings_input_dim", input)?;
                    if input <= 6 * dim {
                        return Err(check.error(format!(
                            "projection_class_embeddings_input_dim = {input} leaves no room for pooled text beside six numbers of {dim}"
                        )));
                    }
                    Ok(Some((dim, input)))
                }
                _ => Err(check.error(
                    "addition_embed_type = \"text_time\" needs addition_time_embed_dim and projection_class_embeddings_input_dim",
                )),
            },
            Some(other) => Err(check.error(format!("addition_embed_type = {other:?} is not supported, only \"text_time\""))),
        }
    }
}

/// Which blocks have attention, from their class names.
fn attention(check: &Checks<'_>, field: &str, names: &[String], with: &str, without: &str) -> Result<Vec<bool>, ConfigError> {
    names
        .iter()
        .map(|name| match name.as_str() {
            name if name == with => Ok(true),
            name if name == without => Ok(false),
            other => Err(check.error(format!("{field}: {other:?} is not supported, only {with:?} and {without:?}"))),
        })
        .collect()
}

impl UNetConfig {
    /// Parses and checks.
    pub fn from_json(value: &Value) -> Result<Self, ConfigError> {
        let check = Checks { component: "unet" };
        let raw: Raw = parse("unet", value)?;
        raw.refuse_unsupported(&check)?;
        let levels = raw.block_out_channels.len();
        if levels == 0 || levels > 8 || raw.down_block_types.len() != levels || raw.up_block_types.len() != levels {
            return Err(check.error(format!(
                "block_out_channels ({levels}), down_block_types ({}) and up_block_types ({}) must have the same length, 1..=8",
                raw.down_block_types.len(),
                raw.up_block_types.len()
            )));
        }
        let per_level = |field: &str, value: &PerLevel<usize>| {
            value.expand(levels).ok_or_else(|| check.error(format!("{field} must have one value or {levels}")))
        };
        let cross = per_level("cross_attention_dim", &raw.cross_attention_dim)?;
        if cross.iter().any(|dim| *dim != cross[0]) {
            return Err(check.error("cross_attention_dim must be the same on every level"));
        }
        let mid_attention = match raw.mid_block_type.as_deref() {
            Some("UNetMidBlock2DCrossAttn") => true,
            Some("UNetMidBlock2D") => false,
            other => return Err(check.error(format!("mid_block_type = {other:?} is not supported"))),
        };
        let config = Self {
            sample_size: raw.sample_size.unwrap_or(64),
            in_channels: raw.in_channels,
            out_channels: raw.out_channels,
            down_attention: attention(&check, "down_block_types", &raw.down_block_types, "CrossAttnDownBlock2D", "DownBlock2D")?,
            up_attention: attention(&check, "up_block_types", &raw.up_block_types, "CrossAttnUpBlock2D", "UpBlock2D")?,
            layers: per_level("layers_per_block", &raw.layers_per_block)?,
            transformer_layers: per_level("transformer_layers_per_block", &raw.transformer_layers_per_block)?,
            // diffusers' `attention_head_dim` is the number of heads unless `num_attention_heads` is given: a misnomer kept for its files.
            heads: per_level("attention_head_dim", raw.num_attention_heads.as_ref().unwrap_or(&raw.attention_head_dim))?,
            cross_attention_dim: cross[0],
            norm_groups: raw.norm_num_groups,
            norm_epsilon: raw.norm_eps,
            linear_projection: raw.use_linear_projection,
            flip_sin_to_cos: raw.flip_sin_to_cos,
            freq_shift: raw.freq_shift,
            text_time: raw.text_time(&check)?,
            time_cond_proj_dim: raw.time_cond_proj_dim,
            channels: raw.block_out_channels,
            mid_attention,
        };
        config.check(&check)?;
        Ok(config)
    }

    fn check(&self, check: &Checks<'_>) -> Result<(), ConfigError> {
        if self.sample_size == 0 || self.sample_size > 1024 {
            return Err(check.error(format!("sample_size must be 1..=1024, is {}", self.sample_size)));
        }
        check.width("in_channels", self.in_channels)?;
        check.width("out_channels", self.out_channels)?;
        check.width("cross_attention_dim", self.cross_attention_dim)?;
        check.positive("norm_eps", self.norm_epsilon)?;
        if !self.freq_shift.is_finite() || self.freq_shift.abs() > 1.0 {
            return Err(check.error(format!("freq_shift must lie in -1..=1, is {}", self.freq_shift)));
        }
        if let Some(width) = self.time_cond_proj_dim {
            check.width("time_cond_proj_dim", width)?;
            check.divides("time_cond_proj_dim / 2", 2, width)?;
        }
        for level in 0..self.channels.len() {
            check.width("block_out_channels", self.channels[level])?;
            check.divides("norm_num_groups", self.norm_groups, self.channels[level])?;
            check.layers("layers_per_block", self.layers[level])?;
            check.layers("transformer_layers_per_block", self.transformer_layers[level])?;
            check.divides("attention_head_dim", self.heads[level], self.channels[level])?;
        }
        check.divides("block_out_channels[0] / 2", 2, self.channels[0])
    }
}
