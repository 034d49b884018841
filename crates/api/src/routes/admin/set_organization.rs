//! `PUT /api/v1/admin/users/{id}/organization`: moves somebody into an organisation, with their jobs and pictures.

use axum::{Json, extract::State};
use easel_platform::{PlatformError, accounts::LOCAL_ID};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, ManagesServer},
    extract::{InPath, JsonBody},
    views::UserView,
};

/// Where to. It cannot be left out: null is the default organisation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveBody {
    /// The organisation's id; null for the default one.
    #[serde(deserialize_with = "Option::deserialize")]
    organization_id: Option<String>,
}

/// Moves somebody into an organisation, with their jobs and pictures.
#[utoipa::path(
    put, path = "/api/v1/admin/users/{id}/organization", operation_id = "set_organization", tag = "admin", request_body = MoveBody,
    params(("id" = String, Path, description = "Whom")),
    responses((status = 200, description = "They, as they are now", body = UserView)),
    security(("session" = ["superuser"]), ("cookie" = ["superuser"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ManagesServer>,
    InPath(id): InPath<String>,
    JsonBody(body): JsonBody<MoveBody>,
) -> Result<Json<UserView>, ApiError> {
    if id == LOCAL_ID {
        return Err(PlatformError::Forbidden("the built-in account stays as it is").into());
    }
    state.platform.organizations.move_user(&caller.actor(), &id, body.organization_id.as_deref()).await?;
    Ok(Json(state.platform.accounts.get(&id).await?.into()))
}
