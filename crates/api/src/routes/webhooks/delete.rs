//! `DELETE /api/v1/webhooks/{id}`: takes an endpoint away.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InPath,
};

/// Takes an endpoint away, with everything that was sent there.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{id}", operation_id = "delete_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint")),
    responses((status = 204, description = "It is gone")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
) -> Result<StatusCode, ApiError> {
    state.webhooks()?.delete(&caller.actor(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
