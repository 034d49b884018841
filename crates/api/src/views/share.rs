//! A link to a picture, as who made it sees it.

use easel_platform::{records::Share, social::ShownShare};
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_time;

/// A link.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShareView {
    /// Its id, which opens nothing.
    id: String,
    /// The picture it shows.
    image_id: String,
    /// What opens it, `is_…`: shown when it is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// With its prompt.
    shows_prompt: bool,
    /// How often it was opened.
    view_count: i64,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Until when it is good; null is until it is revoked.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When it was revoked.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

impl ShareView {
    /// One that was just made.
    pub(crate) fn with_token(shown: ShownShare) -> Self {
        Self { token: Some(shown.token), ..shown.share.into() }
    }
}

impl From<Share> for ShareView {
    fn from(share: Share) -> Self {
        Self {
            id: share.id,
            image_id: share.image_id,
            token: None,
            shows_prompt: share.shows_prompt,
            view_count: share.view_count,
            created_at: shown_time(share.created_at),
            expires_at: share.expires_at.map(shown_time),
            revoked_at: share.revoked_at.map(shown_time),
        }
    }
}
