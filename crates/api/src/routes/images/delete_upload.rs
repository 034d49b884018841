//! `DELETE /api/v1/images/uploads/{id}`: removes something that somebody sent, at once and for good.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::InPath,
};

/// Removes something you sent, at once and for good.
#[utoipa::path(
    delete, path = "/api/v1/images/uploads/{id}", operation_id = "delete_upload", tag = "images",
    params(("id" = String, Path, description = "What was sent")),
    responses((status = 204, description = "It is gone")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InPath(id): InPath<String>,
) -> Result<StatusCode, ApiError> {
    state.platform.images.delete_upload(&caller.user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
