//! `DELETE /api/v1/albums/{id}`: removes an album; its pictures stay.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::InName,
};

/// Removes an album; its pictures stay.
#[utoipa::path(
    delete, path = "/api/v1/albums/{id}", operation_id = "delete_album", tag = "images",
    params(("id" = String, Path, description = "The album")),
    responses((status = 204, description = "It is gone")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InName(id): InName,
) -> Result<StatusCode, ApiError> {
    state.platform.gallery.delete_album(&caller.user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
