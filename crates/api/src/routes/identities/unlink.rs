//! `DELETE /api/v1/users/me/identities/{id}`: takes a way in away.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InPath,
};

/// Takes a way in away, unless it is the last.
#[utoipa::path(
    delete, path = "/api/v1/users/me/identities/{id}", operation_id = "unlink_identity", tag = "users",
    params(("id" = String, Path, description = "The linked login")),
    responses((status = 204, description = "It is gone")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
) -> Result<StatusCode, ApiError> {
    state.sign_in()?.unlink(&caller.user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
