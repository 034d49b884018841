//! `DELETE /api/v1/users/{username}/follow`: follows somebody no longer.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InName,
};

/// Follows somebody no longer.
#[utoipa::path(
    delete, path = "/api/v1/users/{username}/follow", operation_id = "unfollow", tag = "gallery",
    params(("username" = String, Path, description = "What they are called")),
    responses((status = 204, description = "It is so now")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InName(username): InName,
) -> Result<StatusCode, ApiError> {
    state.platform.social.unfollow(&caller.user.id, &username).await?;
    Ok(StatusCode::NO_CONTENT)
}
