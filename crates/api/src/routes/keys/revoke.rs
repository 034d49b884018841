//! `DELETE /api/v1/api-keys/{id}`: ends a key.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InPath,
};

/// Ends a key.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{id}", operation_id = "revoke_key", tag = "api-keys",
    params(("id" = String, Path, description = "The key")),
    responses((status = 204, description = "It has ended")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
) -> Result<StatusCode, ApiError> {
    state.platform.accounts.revoke_key(&caller.user, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
