//! The answers of OpenAI's Images and Models API.
//!
//! `usage` is left out: there are no tokens here, and invented ones would be billed by somebody. Extensions: every picture tells its seed,
//! every model its family and native size.

use easel_engine::Resolved;
use easel_imaging::Format;
use serde::Serialize;
use utoipa::ToSchema;

use super::request::Purpose;
use crate::views::{AwayView, CreditAmount};

/// A finished picture: `b64_json` or `url`, never both.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ImageData {
    /// The file in base64, without a prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b64_json: Option<String>,
    /// Where the file can be fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The picture's own seed, where it is known: some providers do not say theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// What is known of all pictures of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Traits {
    /// Always opaque.
    pub background: &'static str,
    /// `png`, `jpeg` or `webp`.
    pub output_format: &'static str,
    /// As asked for, if it is one of OpenAI's answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<&'static str>,
    /// `WxH`.
    pub size: String,
}

impl Traits {
    /// Of pictures made with these parameters.
    pub fn new(resolved: &Resolved, format: Format, quality: Option<&'static str>) -> Self {
        Self::of_size((resolved.width, resolved.height), format, quality)
    }

    /// Of pictures of this size.
    pub fn of_size((width, height): (u32, u32), format: Format, quality: Option<&'static str>) -> Self {
        let size = format!("{width}x{height}");
        Self { background: "opaque", output_format: format.name(), quality, size }
    }
}

/// The answer to a request without `stream`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ImagesResponse {
    /// Seconds since 1970.
    pub created: u64,
    /// The pictures.
    pub data: Vec<ImageData>,
    /// Who has drawn them, where this server has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served_by: Option<AwayView>,
    /// With `served_by`: the price of a picture, as it was settled before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<CreditAmount>,
    /// The categories of words that were left out of the prompt; there are none where it was drawn as it was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["brands"]))]
    pub masked: Vec<String>,
    /// What is known of all of them.
    #[serde(flatten)]
    pub traits: Traits,
}

/// A picture before it is finished, with `stream` and `partial_images`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PartialEvent {
    /// `image_generation.partial_image` or `image_edit.partial_image`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The file in base64: of the size and in the format of the finished one, and less sharp.
    pub b64_json: String,
    /// How many of this picture there were before.
    pub partial_image_index: u32,
    /// Seconds since 1970.
    pub created_at: u64,
    /// What is known of it.
    #[serde(flatten)]
    pub traits: Traits,
}

impl PartialEvent {
    /// The event's name, and its type in the JSON.
    pub fn name(purpose: Purpose) -> &'static str {
        match purpose {
            Purpose::Generation => "image_generation.partial_image",
            Purpose::Edit | Purpose::Variation => "image_edit.partial_image",
        }
    }
}

/// The last event of a picture with `stream`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CompletedEvent {
    /// `image_generation.completed` or `image_edit.completed`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The file in base64.
    pub b64_json: String,
    /// Seconds since 1970.
    pub created_at: u64,
    /// The picture's own seed, where it is known: some providers do not say theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Who has drawn it, where this server has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served_by: Option<AwayView>,
    /// With `served_by`: the price of a picture, as it was settled before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<CreditAmount>,
    /// The categories of words that were left out of the prompt; there are none where it was drawn as it was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["brands"]))]
    pub masked: Vec<String>,
    /// What is known of it.
    #[serde(flatten)]
    pub traits: Traits,
}

impl CompletedEvent {
    /// The event's name, and its type in the JSON.
    pub fn name(purpose: Purpose) -> &'static str {
        match purpose {
            Purpose::Generation => "image_generation.completed",
            Purpose::Edit | Purpose::Variation => "image_edit.completed",
        }
    }
}

/// How far a request is; sent with `stream` to clients that ask for `progress`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProgressEvent {
    /// [`ProgressEvent::NAME`].
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `queued`, `started`, `step`, `preview` or `decoded`.
    pub state: &'static str,
    /// Requests ahead, steps done, the picture previewed, or pictures decoded.
    pub index: u64,
    /// Steps or pictures in all.
    pub total: u64,
    /// Seconds until everything is there, as far as one can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<f64>,
    /// A small JPEG of what the picture looks like so far, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
}

impl ProgressEvent {
    /// The event's name, and its type in the JSON.
    pub const NAME: &'static str = "easel.progress";
}

/// A model.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Model {
    /// Its name.
    pub id: String,
    /// `model`.
    pub object: &'static str,
    /// Seconds since 1970.
    pub created: u64,
    /// `easel`.
    pub owned_by: &'static str,
    /// Its family.
    pub family: String,
    /// The size it draws where a request names none.
    pub native_size: String,
}

/// All models.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ModelList {
    /// `list`.
    pub object: &'static str,
    /// The default first.
    pub data: Vec<Model>,
}
