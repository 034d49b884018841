//! `DELETE /api/v1/images/{id}`: into the trash, from which it can be taken back until its bytes are removed.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::InPath,
};

/// Throws a picture away.
#[utoipa::path(
    delete, path = "/api/v1/images/{id}", operation_id = "delete_image", tag = "images",
    params(("id" = String, Path, description = "The picture")),
    responses((status = 204, description = "It is in the trash")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InPath(id): InPath<String>,
) -> Result<StatusCode, ApiError> {
    state.platform.images.delete(&caller.user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
