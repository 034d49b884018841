//! An album, a tag, and a request to begin with, as their owner sees them.

use easel_platform::{
    gallery::Template,
    records::{Album, Counted},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::shown_time;

/// An album.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlbumView {
    /// Its id.
    id: String,
    /// What it is called.
    title: String,
    /// The picture that stands for it.
    cover_image_id: Option<String>,
    /// How many pictures it shows, where albums are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    image_count: Option<i64>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When something in it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

impl AlbumView {
    /// With its size, where that is known.
    pub(crate) fn of(album: Album, image_count: Option<i64>) -> Self {
        Self {
            id: album.id,
            title: album.title,
            cover_image_id: album.cover_image_id,
            image_count,
            created_at: shown_time(album.created_at),
            updated_at: shown_time(album.updated_at),
        }
    }
}

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagView {
    /// The word.
    tag: String,
    /// Pictures it is on.
    image_count: i64,
}

impl From<Counted> for TagView {
    fn from(counted: Counted) -> Self {
        Self { tag: counted.tag, image_count: counted.images }
    }
}

/// A request to begin with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TemplateView {
    /// The picture it comes from.
    image_id: String,
    /// What to draw.
    prompt: String,
    /// What drew it.
    model: String,
    /// Pixels.
    width: i64,
    /// Pixels.
    height: i64,
    /// How it was drawn, by the names of requests.
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
}

impl From<Template> for TemplateView {
    fn from(template: Template) -> Self {
        let Template { image_id, prompt, model, width, height, parameters } = template;
        Self { image_id, prompt, model, width, height, parameters }
    }
}
