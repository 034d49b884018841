//! `text_encoder/config.json` (transformers' `CLIPTextConfig`).

use serde::Deserialize;
use serde_json::Value;

use crate::{
    config::{Checks, ConfigError, parse},
    ops::Activation,
};

/// The numbers of a CLIP text encoder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ClipConfig {
    /// Tokens in the vocabulary.
    pub vocab_size: usize,
    /// Width of the hidden states.
    pub hidden_size: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Width of the pooled projection, where there is one.
    #[serde(default = "projection_dim")]
    pub projection_dim: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Tokens a chunk has.
    #[serde(default = "max_position_embeddings")]
    pub max_position_embeddings: usize,
    /// `quick_gelu` or `gelu`.
    #[serde(default = "hidden_act")]
    pub hidden_act: String,
    /// Added to the variance.
    #[serde(default = "layer_norm_eps")]
    pub layer_norm_eps: f64,
}

fn projection_dim() -> usize {
    512
}

fn max_position_embeddings() -> usize {
    77
}

fn hidden_act() -> String {
    "quick_gelu".into()
}

fn layer_norm_eps() -> f64 {
    1e-5
}

impl ClipConfig {
    /// Parses and checks.
    pub fn from_json(component: &str, value: &Value) -> Result<Self, ConfigError> {
        let config: Self = parse(component, value)?;
        let check = Checks { component };
        if config.vocab_size == 0 || config.vocab_size > 1 << 20 {
            return Err(check.error(format!("vocab_size must be 1..=1048576, is {}", config.vocab_size)));
        }
        check.width("hidden_size", config.hidden_size)?;
        check.width("intermediate_size", config.intermediate_size)?;
        check.width("projection_dim", config.projection_dim)?;
        check.layers("num_hidden_layers", config.num_hidden_layers)?;
        check.divides("num_attention_heads", config.num_attention_heads, config.hidden_size)?;
        check.only("max_position_embeddings", &config.max_position_embeddings, &77)?;
        check.positive("layer_norm_eps", config.layer_norm_eps)?;
        config.activation(component)?;
        Ok(config)
    }

    pub(crate) fn activation(&self, component: &str) -> Result<Activation, ConfigError> {
        match self.hidden_act.as_str() {
            "quick_gelu" => Ok(Activation::QuickGelu),
            "gelu" => Ok(Activation::Gelu),
            other => {
                Err(Checks { component }
                    .error(format!("hidden_act = {other:?} is not supported, only \"quick_gelu\" and \"gelu\"")))
            }
        }
    }
}
