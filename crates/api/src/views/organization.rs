//! An organisation, as administrators see it.

use easel_platform::records::Organization;
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_time;

/// An organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrganizationView {
    /// Its id.
    id: String,
    /// A short name for programs.
    #[schema(example = "research")]
    slug: String,
    /// As people write it.
    #[schema(example = "Research")]
    name: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Organization> for OrganizationView {
    fn from(organization: Organization) -> Self {
        let Organization { id, slug, name, created_at } = organization;
        Self { id, slug, name, created_at: shown_time(created_at) }
    }
}
