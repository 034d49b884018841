//! A picture, as its owner sees it.

use easel_platform::records::{Image, Upload};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{CreditAmount, shown_time};

/// A picture.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImageView {
    /// Its id.
    id: String,
    /// The job that made it.
    job_id: String,
    /// Its place in the job, from 0.
    index: i64,
    /// Where its bytes are.
    url: String,
    /// Where its small version is.
    thumbnail_url: Option<String>,
    /// Pixels.
    width: i64,
    /// Pixels.
    height: i64,
    /// `png`, `jpeg` or `webp`.
    format: String,
    /// Bytes, the small version's included.
    bytes: i64,
    /// SHA-256 of the file in hexadecimal.
    sha256: String,
    /// What drew it.
    model: String,
    /// Milliseconds it took to draw, where that is known.
    generation_ms: Option<i64>,
    /// What it has cost, charged or counted, where that is known.
    cost: Option<CreditAmount>,
    /// The external provider that drew it, if it was not this server.
    provider: Option<String>,
    /// How the noise was taken away.
    sampler: Option<String>,
    /// `text_to_image`, `image_to_image`, …
    mode: Option<String>,
    /// What it was to show.
    prompt: String,
    /// What its owner calls it.
    title: Option<String>,
    /// Its tags, where one picture is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<String>>,
    /// A placeholder while it loads (blurha.sh).
    blurhash: Option<String>,
    /// Seed, sampler, steps and what else was used.
    #[schema(value_type = Object)]
    parameters: Value,
    /// Others may see it.
    is_public: bool,
    /// Others may see, find and use the prompt.
    shows_prompt: bool,
    /// Its owner's mark.
    is_favourite: bool,
    /// How many like it.
    like_count: i64,
    /// How many comments it has.
    comment_count: i64,
    /// How often others looked at it.
    view_count: i64,
    /// Why a moderator hid it, if one did.
    hidden_reason: Option<String>,
    /// When it was stored.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was made public, last.
    #[schema(format = DateTime)]
    published_at: Option<String>,
    /// When it was thrown away.
    #[schema(format = DateTime)]
    deleted_at: Option<String>,
    /// When it is removed for good, if it is not taken back.
    #[schema(format = DateTime)]
    purge_at: Option<String>,
}

impl ImageView {
    /// A single one, with its tags.
    pub(crate) fn with_tags(image: Image, tags: Vec<String>) -> Self {
        Self { tags: Some(tags), ..image.into() }
    }
}

impl From<Image> for ImageView {
    fn from(image: Image) -> Self {
        let parameters: Value = serde_json::from_str(&image.parameters).unwrap_or_default();
        let address = |what| format!("/api/v1/images/{}/{what}", image.id);
        Self {
            url: address("file"),
            thumbnail_url: image.thumbnail_key.as_ref().map(|_| address("thumbnail")),
            id: image.id,
            job_id: image.job_id,
            index: image.job_index,
            width: image.width,
            height: image.height,
            format: image.format,
            bytes: image.bytes,
            sha256: image.sha256,
            model: image.model,
            generation_ms: image.generation_ms,
            cost: image.cost.map(CreditAmount::from),
            provider: parameters["provider"].as_str().map(str::to_owned),
            sampler: image.sampler,
            mode: image.mode,
            prompt: image.prompt,
            title: image.title,
            tags: None,
            blurhash: image.blurhash,
            parameters,
            is_public: image.is_public,
            shows_prompt: image.shows_prompt,
            is_favourite: image.is_favourite,
            like_count: image.like_count,
            comment_count: image.comment_count,
            view_count: image.view_count,
            hidden_reason: image.hidden_reason,
            created_at: shown_time(image.created_at),
            published_at: image.published_at.filter(|_| image.is_public).map(shown_time),
            deleted_at: image.deleted_at.map(shown_time),
            purge_at: image.purge_at.map(shown_time),
        }
    }
}

/// A picture that was sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadView {
    /// Its id: `{"from": "upload", "id": …}` in what is to be drawn.
    id: String,
    /// Pixels.
    width: i64,
    /// Pixels.
    height: i64,
    /// `png`, `jpeg` or `webp`.
    format: String,
    /// Bytes as kept.
    bytes: i64,
    /// When it came.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Upload> for UploadView {
    fn from(upload: Upload) -> Self {
        let Upload { id, width, height, format, bytes, created_at, .. } = upload;
        Self { id, width, height, format, bytes, created_at: shown_time(created_at) }
    }
}
