//! `DELETE /api/v1/users/me/sessions/{id}`: logs out elsewhere.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InPath,
};

/// Logs out elsewhere.
#[utoipa::path(
    delete, path = "/api/v1/users/me/sessions/{id}", operation_id = "end_session", tag = "users",
    params(("id" = String, Path, description = "The session")),
    responses((status = 204, description = "It has ended")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
) -> Result<StatusCode, ApiError> {
    state.platform.accounts.end_session(&caller.user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
