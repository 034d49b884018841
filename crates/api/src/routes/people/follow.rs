//! `PUT /api/v1/users/{username}/follow`: follows somebody.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InName,
};

/// Follows somebody.
#[utoipa::path(
    put, path = "/api/v1/users/{username}/follow", operation_id = "follow", tag = "gallery",
    params(("username" = String, Path, description = "What they are called")),
    responses((status = 204, description = "It is so now")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InName(username): InName,
) -> Result<StatusCode, ApiError> {
    state.platform.social.follow(&caller.user.id, &username).await?;
    Ok(StatusCode::NO_CONTENT)
}
