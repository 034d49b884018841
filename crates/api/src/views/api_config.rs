//! Somebody's own account with an image service, as they see it: never the key.

use easel_platform::records::ApiConfig;
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_time;

/// An account of your own with an image service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiConfigView {
    /// Its id.
    id: String,
    /// What you call it.
    name: String,
    /// The service.
    #[schema(example = "fal")]
    provider: String,
    /// Where it is, for a server of your own.
    base_url: Option<String>,
    /// The last letters of the key; the key itself is not shown again.
    #[schema(example = "7f3a")]
    key_hint: String,
    /// The model there.
    #[schema(example = "fal-ai/flux/dev")]
    model: String,
    /// It is used.
    is_active: bool,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<ApiConfig> for ApiConfigView {
    fn from(config: ApiConfig) -> Self {
        Self {
            id: config.id,
            name: config.name,
            provider: config.provider,
            base_url: config.base_url,
            key_hint: config.key_hint,
            model: config.model,
            is_active: config.is_active,
            created_at: shown_time(config.created_at),
            updated_at: shown_time(config.updated_at),
        }
    }
}
