//! `DELETE /api/v1/api-configs/{id}`: takes an account of one's own away.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InPath,
};

/// Takes an account of your own away, with its key. What is being drawn there is given up.
#[utoipa::path(
    delete, path = "/api/v1/api-configs/{id}", operation_id = "delete_api_config", tag = "providers",
    params(("id" = String, Path, description = "The account")),
    responses((status = 204, description = "It is gone")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
) -> Result<StatusCode, ApiError> {
    state.fallback()?.delete_config(&caller.actor(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
