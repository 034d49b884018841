//! `DELETE /api/v1/users/me/avatar`: no picture of oneself any more.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
};

/// Removes the picture of oneself.
#[utoipa::path(
    delete, path = "/api/v1/users/me/avatar", operation_id = "remove_avatar", tag = "users",
    responses((status = 204, description = "There is none")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<ActsAsThemselves>) -> Result<StatusCode, ApiError> {
    state.platform.images.remove_avatar(&caller.user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
