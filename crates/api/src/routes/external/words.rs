//! What somebody says of their prompts and pictures.

use easel_platform::fallback::Consent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether your prompts and pictures may leave this server. Unless you say so, they do not.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExternalBody {
    /// They may, where this server cannot draw.
    allow_external: bool,
    /// To these providers alone; empty is any.
    #[serde(default)]
    #[schema(example = json!(["fal"]))]
    providers: Vec<String>,
    /// To providers of these regions alone; empty is any.
    #[serde(default)]
    #[schema(example = json!(["eu"]))]
    regions: Vec<String>,
}

impl From<Consent> for ExternalBody {
    fn from(consent: Consent) -> Self {
        let Consent { allow_external, providers, regions } = consent;
        Self { allow_external, providers, regions }
    }
}

impl From<ExternalBody> for Consent {
    fn from(body: ExternalBody) -> Self {
        let ExternalBody { allow_external, providers, regions } = body;
        Self { allow_external, providers, regions }
    }
}
