//! The body of `POST /v1/images/generations`, for the documentation. It is read by `request.rs`, which forgives more than this says.

use serde::Serialize;
use utoipa::ToSchema;

use crate::ordering::LoraBody;

/// OpenAI's fields, and ours. Fields that are not here are ignored; null is the same as left out.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct GenerationBody {
    /// What the picture shows.
    #[schema(example = "a red circle on a blue background", max_length = 10_000)]
    pub prompt: String,
    /// The model; without it, the server's default. OpenAI's own names mean the default.
    pub model: Option<String>,
    /// How many pictures.
    #[schema(minimum = 1, maximum = 10)]
    pub n: Option<u32>,
    /// `WxH`, or `auto`.
    #[schema(example = "64x64")]
    pub size: Option<String>,
    /// `url` (an address that works for an hour) or `b64_json`.
    #[schema(example = "b64_json")]
    pub response_format: Option<String>,
    /// `png`, `jpeg` or `webp`.
    #[schema(example = "png")]
    pub output_format: Option<String>,
    /// Answer as server-sent events.
    pub stream: Option<bool>,
    /// What to avoid.
    pub negative_prompt: Option<String>,
    /// Denoising steps.
    #[schema(minimum = 1, maximum = 200)]
    pub num_inference_steps: Option<u32>,
    /// How closely the prompt is followed.
    pub guidance_scale: Option<f64>,
    /// The update rule, such as `euler_ancestral`.
    pub sampler: Option<String>,
    /// The noise levels, such as `karras`.
    pub schedule: Option<String>,
    /// Of the first picture; the others count up.
    pub seed: Option<u64>,
    /// Styles, nearest first, as `/api/v1/styles` lists them. OpenAI's own `style` is taken and changes nothing.
    pub styles: Option<Vec<String>>,
    /// LoRAs, besides those that the prompt names as `<lora:name:weight>`.
    pub loras: Option<Vec<LoraBody>>,
}
