//! The bodies of `POST /v1/images/{generations,edits,variations}`, for the documentation. They are read by `form.rs` and `request.rs`, which
//! forgive more than this says.

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
    /// For JPEG and WebP; WebP loses nothing at 100.
    #[schema(minimum = 0, maximum = 100)]
    pub output_compression: Option<u32>,
    /// Answer as server-sent events.
    pub stream: Option<bool>,
    /// With `stream`: how often each picture is shown before it is finished.
    #[schema(minimum = 0, maximum = 3)]
    pub partial_images: Option<u32>,
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
    /// ControlNets.
    #[schema(max_items = 8)]
    pub controlnet: Option<Vec<ControlNetBody>>,
    /// An external provider may draw it if this server cannot, where you allow that at all (`/api/v1/users/me/external`).
    #[schema(default = true)]
    pub allow_fallback: Option<bool>,
    /// And may leave out LoRAs and ControlNets, which no other service has.
    #[schema(default = false)]
    pub allow_drops: Option<bool>,
}

/// A ControlNet, and the picture it looks at.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ControlNetBody {
    /// The name of its file or folder.
    #[schema(example = "sd15_canny")]
    pub model: String,
    /// A data URL, base64, or a public https address where the server fetches some.
    #[schema(example = "data:image/png;base64,…")]
    pub image: String,
    /// `canny` finds the edges of the picture; `none` takes it as it is.
    #[schema(example = "canny")]
    pub preprocessor: Option<String>,
    /// How much of it there is.
    #[schema(minimum = -10, maximum = 10, default = 1)]
    pub weight: Option<f64>,
    /// The share of the steps after which it begins.
    #[schema(minimum = 0, maximum = 1, default = 0)]
    pub start: Option<f64>,
    /// The share of the steps after which it ends.
    #[schema(minimum = 0, maximum = 1, default = 1)]
    pub end: Option<f64>,
}

/// OpenAI's fields, and those of a generation.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct EditBody {
    /// What the picture shows afterwards.
    #[schema(example = "a red circle on a blue background", max_length = 10_000)]
    pub prompt: String,
    /// PNG, JPEG or WebP. `image[]` is understood as well.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    pub image: Vec<u8>,
    /// Of the same size: its transparent part is repainted, or its white part if nothing is transparent. Without one, the transparent part
    /// of the picture itself.
    #[schema(value_type = Option<String>, format = Binary, content_media_type = "application/octet-stream")]
    pub mask: Option<Vec<u8>>,
    /// `high` keeps more of the picture, where no `strength` is given.
    pub input_fidelity: Option<String>,
    /// How much of the picture is redrawn.
    #[schema(minimum = 0, maximum = 1)]
    pub strength: Option<f64>,
    /// The model; without it, the server's default.
    pub model: Option<String>,
    /// How many pictures.
    #[schema(minimum = 1, maximum = 10)]
    pub n: Option<u32>,
    /// `WxH`, or `auto`: the picture's own shape.
    pub size: Option<String>,
    /// `url` or `b64_json`.
    pub response_format: Option<String>,
    /// `png`, `jpeg` or `webp`.
    pub output_format: Option<String>,
    /// Answer as server-sent events.
    pub stream: Option<bool>,
    /// With `stream`: how often each picture is shown before it is finished.
    #[schema(minimum = 0, maximum = 3)]
    pub partial_images: Option<u32>,
    /// An external provider may draw it if this server cannot, where you allow that at all (`/api/v1/users/me/external`).
    #[schema(default = true)]
    pub allow_fallback: Option<bool>,
}

/// The same as JSON, with pictures by address.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct EditJson {
    /// What the picture shows afterwards.
    #[schema(example = "a red circle on a blue background", max_length = 10_000)]
    pub prompt: String,
    /// The picture; one.
    pub images: Vec<PictureAddress>,
    /// What of it is repainted.
    pub mask: Option<PictureAddress>,
    /// An external provider may draw it if this server cannot, where you allow that at all (`/api/v1/users/me/external`).
    #[schema(default = true)]
    pub allow_fallback: Option<bool>,
}

/// Where a picture is.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct PictureAddress {
    /// A data URL, or a public https address where the server fetches some.
    #[schema(example = "data:image/png;base64,…")]
    pub image_url: String,
}

/// OpenAI's fields, and those of an edit without words and mask.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct VariationBody {
    /// PNG, JPEG or WebP.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    pub image: Vec<u8>,
    /// How much of the picture is redrawn.
    #[schema(minimum = 0, maximum = 1)]
    pub strength: Option<f64>,
    /// The model; without it, the server's default.
    pub model: Option<String>,
    /// How many pictures.
    #[schema(minimum = 1, maximum = 10)]
    pub n: Option<u32>,
    /// `WxH`; without it, the picture's own shape.
    pub size: Option<String>,
    /// `url` or `b64_json`.
    pub response_format: Option<String>,
    /// An external provider may draw it if this server cannot, where you allow that at all (`/api/v1/users/me/external`).
    #[schema(default = true)]
    pub allow_fallback: Option<bool>,
}
