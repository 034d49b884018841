//! LoRAs of a request.

use easel_types::LoraUse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A LoRA, besides those that `<lora:name:weight>` in the prompt names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoraBody {
    /// The file's name without extension, or its path below the folder of LoRAs.
    #[schema(example = "ink")]
    pub name: String,
    /// How much of it there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -100, maximum = 100, default = 1)]
    pub weight: Option<f64>,
    /// How much of it the text encoders have, if it is another share.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -100, maximum = 100)]
    pub text_encoder_weight: Option<f64>,
}

impl From<LoraBody> for LoraUse {
    fn from(body: LoraBody) -> Self {
        let weight = body.weight.unwrap_or(1.0);
        Self { name: body.name, weight, text_encoder_weight: body.text_encoder_weight.unwrap_or(weight) }
    }
}
