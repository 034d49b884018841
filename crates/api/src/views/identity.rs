//! Ways into an account that are somebody else's.

use easel_platform::records::Identity;
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_time;

/// A login elsewhere that leads into an account here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IdentityView {
    /// Its id.
    id: String,
    /// The provider's name.
    provider: String,
    /// The address there, as the provider last said.
    email: Option<String>,
    /// The name there, as the provider last said.
    name: Option<String>,
    /// When it was linked.
    #[schema(format = DateTime)]
    created_at: String,
    /// When somebody last logged in with it.
    #[schema(format = DateTime)]
    last_used_at: String,
}

impl From<Identity> for IdentityView {
    fn from(identity: Identity) -> Self {
        Self {
            id: identity.id,
            provider: identity.provider,
            email: identity.email,
            name: identity.name,
            created_at: shown_time(identity.created_at),
            last_used_at: shown_time(identity.last_used_at),
        }
    }
}
