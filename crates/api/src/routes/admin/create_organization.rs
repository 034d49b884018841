//! `POST /api/v1/admin/organizations`: a new organisation, with nobody in it.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, ManagesServer},
    extract::JsonBody,
    views::OrganizationView,
};

/// What it is called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrganizationBody {
    /// A short name for programs that no other has: lower case letters, digits and dashes.
    #[schema(example = "research", min_length = 1, max_length = 50)]
    slug: String,
    /// As people write it.
    #[schema(example = "Research", min_length = 1, max_length = 100)]
    name: String,
}

/// A new organisation, with nobody in it.
#[utoipa::path(
    post, path = "/api/v1/admin/organizations", operation_id = "create_organization", tag = "admin", request_body = OrganizationBody,
    responses((status = 201, description = "The organisation", body = OrganizationView)),
    security(("session" = ["superuser"]), ("cookie" = ["superuser"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ManagesServer>,
    JsonBody(body): JsonBody<OrganizationBody>,
) -> Result<(StatusCode, Json<OrganizationView>), ApiError> {
    let made = state.platform.organizations.create(&caller.actor(), &body.slug, &body.name).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}
