//! What somebody says of an account of theirs.

use easel_platform::fallback::ConfigWords;
use serde::Deserialize;
use utoipa::ToSchema;

/// What you say of an account of your own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiConfigBody {
    /// What you call it.
    #[schema(example = "my fal", max_length = 100)]
    name: String,
    /// `openai`, `stability`, `replicate`, `fal`, `gemini`, `imagen`, `bfl`, `together` or `openai_compatible`.
    #[schema(example = "fal")]
    provider: String,
    /// Where it is: for `openai_compatible` alone, a public https address.
    base_url: Option<String>,
    /// The key. Left out in a change, it stays.
    #[schema(write_only)]
    key: Option<String>,
    /// The model there.
    #[schema(example = "fal-ai/flux/dev", max_length = 100)]
    model: String,
    /// It is used.
    #[serde(default = "yes")]
    #[schema(default = true)]
    is_active: bool,
}

fn yes() -> bool {
    true
}

impl ApiConfigBody {
    /// As the platform takes it.
    pub(super) fn words(&self) -> ConfigWords<'_> {
        ConfigWords {
            name: &self.name,
            provider: &self.provider,
            base_url: self.base_url.as_deref(),
            key: self.key.as_deref(),
            model: &self.model,
            is_active: self.is_active,
        }
    }
}
