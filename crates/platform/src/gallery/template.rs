//! Drawing the like again: the request of a picture, for its owner as they made it, for others what its owner shows.

use easel_store::images;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::Gallery;
use crate::PlatformError;

/// What others may take over: how it was drawn. Nothing that somebody put in, and nothing that names a file.
const SHARED: &[&str] = &[
    "negative_prompt",
    "seed",
    "sampler",
    "schedule",
    "num_inference_steps",
    "guidance_scale",
    "guidance_rescale",
    "timestep_spacing",
    "convention",
    "eta",
    "clip_skip",
    "noise",
    "quality",
];

/// A request to begin with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Template {
    /// The picture it comes from.
    pub image_id: String,
    /// What to draw.
    pub prompt: String,
    /// What drew it.
    pub model: String,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// How it was drawn, by the names of requests.
    pub parameters: Map<String, Json>,
}

impl Gallery {
    /// The request of one's own picture, or of one that is shown to everybody with its prompt. Others are not found.
    pub async fn template(&self, viewer_id: Option<&str>, id: &str) -> Result<Template, PlatformError> {
        let image = images::by_id(&self.context.db, id).await?.ok_or(super::NOT_FOUND)?;
        let own = viewer_id == Some(image.user_id.as_str());
        if !own {
            let among = self.division.seen_by(&self.context.db, viewer_id).await?;
            if !image.is_shown() || !image.shows_prompt || !among.has(image.organization_id.as_deref()) {
                return Err(super::NOT_FOUND);
            }
        }
        let mut parameters: Map<String, Json> = serde_json::from_str(&image.parameters).unwrap_or_default();
        if !own {
            parameters.retain(|name, _| SHARED.contains(&name.as_str()));
        }
        let images::Image { id: image_id, prompt, model, width, height, .. } = image;
        Ok(Template { image_id, prompt, model, width, height, parameters })
    }
}
