//! `DELETE /api/v1/comments/{id}`: removes a comment: one's own, one under one's own picture, or any for a moderator.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InName,
};

/// Removes a comment: one's own, one under one's own picture, or any for a moderator.
#[utoipa::path(
    delete, path = "/api/v1/comments/{id}", operation_id = "delete_comment", tag = "gallery",
    params(("id" = String, Path, description = "The comment")),
    responses((status = 204, description = "It is gone")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InName(id): InName,
) -> Result<StatusCode, ApiError> {
    state.platform.social.delete_comment(&caller.actor(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
