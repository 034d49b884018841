//! `DELETE /api/v1/shares/{id}`: ends a link.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::InName,
};

/// Ends a link.
#[utoipa::path(
    delete, path = "/api/v1/shares/{id}", operation_id = "revoke_share", tag = "gallery",
    params(("id" = String, Path, description = "The link")),
    responses((status = 204, description = "It opens nothing any more")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InName(id): InName,
) -> Result<StatusCode, ApiError> {
    state.platform.social.revoke_share(&caller.user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
