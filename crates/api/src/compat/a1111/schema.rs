//! The bodies, for the documentation. They are read by `request.rs`, which forgives more than this says.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A1111's fields of text-to-image. Null is the same as left out; fields that are not here are ignored, or refused by name if they would
/// change the picture.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct TextToImageBody {
    /// What the picture shows; weights and `<lora:name:weight>` are understood.
    #[schema(example = "a red circle on a blue background", max_length = 10_000)]
    pub prompt: Option<String>,
    /// What to avoid.
    pub negative_prompt: Option<String>,
    /// Of the first picture, the others count up; -1 draws one.
    #[schema(example = 1)]
    pub seed: Option<i64>,
    /// The update rule, such as `Euler a` or `DPM++ 2M Karras`.
    #[schema(example = "Euler a")]
    pub sampler_name: Option<String>,
    /// The noise levels, such as `Karras`.
    pub scheduler: Option<String>,
    /// Pictures that are drawn together.
    pub batch_size: Option<u32>,
    /// Rounds of them.
    pub n_iter: Option<u32>,
    /// Denoising steps.
    #[schema(example = 4, default = 50)]
    pub steps: Option<u32>,
    /// How closely the prompt is followed.
    #[schema(default = 7.0)]
    pub cfg_scale: Option<f64>,
    /// Pixels.
    #[schema(example = 64, default = 512)]
    pub width: Option<u32>,
    /// Pixels.
    #[schema(example = 64, default = 512)]
    pub height: Option<u32>,
    /// Enlarge it and draw it over.
    pub enable_hr: Option<bool>,
    /// How many times as large.
    #[schema(default = 2.0)]
    pub hr_scale: Option<f64>,
    /// What it is enlarged with, from either list.
    pub hr_upscaler: Option<String>,
    /// Steps of the second pass; 0 for as many as in the first.
    pub hr_second_pass_steps: Option<u32>,
    /// The share that the second pass redraws.
    #[schema(minimum = 0, maximum = 1)]
    pub denoising_strength: Option<f64>,
    /// Settings for this request.
    #[schema(value_type = Option<Object>)]
    pub override_settings: Option<Map<String, Value>>,
    /// ControlNet's units.
    #[schema(value_type = Option<Object>)]
    pub alwayson_scripts: Option<Map<String, Value>>,
    /// Answer the pictures.
    pub send_images: Option<bool>,
    /// What the client calls it.
    pub force_task_id: Option<String>,
    /// Text of a picture, for what the request does not say itself.
    pub infotext: Option<String>,
    /// An external provider may draw it if this server cannot, where you allow that at all (`/api/v1/users/me/external`).
    #[schema(default = true)]
    pub easel_allow_fallback: Option<bool>,
    /// And may leave out LoRAs and ControlNets, which no other service has.
    #[schema(default = false)]
    pub easel_allow_drops: Option<bool>,
}

/// A1111's fields of image-to-image, besides those of text-to-image but for the second pass.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ImageToImageBody {
    /// The picture to start from, in base64.
    pub init_images: Vec<String>,
    /// What of it is repainted: white, or what is opaque.
    pub mask: Option<String>,
    /// 0 stretches the picture, 1 crops it, 2 fills it up, 3 stretches its latents.
    pub resize_mode: Option<u32>,
    /// The share that is redrawn.
    #[schema(minimum = 0, maximum = 1, default = 0.75)]
    pub denoising_strength: Option<f64>,
    /// How soft the mask's edge is, in pixels.
    #[schema(default = 4)]
    pub mask_blur: Option<f64>,
    /// 0 washes the part over first, 1 leaves it.
    pub inpainting_fill: Option<u32>,
    /// Draw only the part's surroundings.
    #[schema(default = true)]
    pub inpaint_full_res: Option<bool>,
    /// How much of the surroundings, in pixels.
    pub inpaint_full_res_padding: Option<u32>,
    /// Repaint what is black.
    pub inpainting_mask_invert: Option<u32>,
    /// Answer the pictures that were sent, too.
    pub include_init_images: Option<bool>,
    /// What the picture shows.
    #[schema(example = "a red circle on a blue background", max_length = 10_000)]
    pub prompt: Option<String>,
    /// An external provider may draw it if this server cannot, where you allow that at all (`/api/v1/users/me/external`).
    #[schema(default = true)]
    pub easel_allow_fallback: Option<bool>,
    /// And may leave out LoRAs and ControlNets, which no other service has.
    #[schema(default = false)]
    pub easel_allow_drops: Option<bool>,
}

/// What a picture is enlarged by.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ExtrasBody {
    /// The picture in base64.
    pub image: String,
    /// 0 for a factor, 1 for a size.
    pub resize_mode: Option<u32>,
    /// The factor.
    #[schema(default = 2.0)]
    pub upscaling_resize: Option<f64>,
    /// Pixels.
    pub upscaling_resize_w: Option<u32>,
    /// Pixels.
    pub upscaling_resize_h: Option<u32>,
    /// Cover the size, and cut what hangs over.
    pub upscaling_crop: Option<bool>,
    /// `None`, `Lanczos` or `Nearest`.
    pub upscaler_1: Option<String>,
}

/// A picture of several.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct NamedImageBody {
    /// The picture in base64.
    pub data: String,
    /// What it is called.
    pub name: String,
}

/// What several pictures are enlarged by.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct BatchExtrasBody {
    /// The pictures.
    #[serde(rename = "imageList")]
    pub image_list: Vec<NamedImageBody>,
    /// The factor.
    #[schema(default = 2.0)]
    pub upscaling_resize: Option<f64>,
    /// `None`, `Lanczos` or `Nearest`.
    pub upscaler_1: Option<String>,
}

/// A picture.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ImageBody {
    /// In base64.
    pub image: String,
}
