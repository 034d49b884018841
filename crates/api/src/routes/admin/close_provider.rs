//! `POST /api/v1/admin/providers/{name}/close`: closes a provider's breaker by hand, on every node.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{As, ManagesServer},
    extract::InPath,
};

/// Jobs go there again, whatever had opened it. Every node does so when it looks next.
#[utoipa::path(
    post, path = "/api/v1/admin/providers/{name}/close", operation_id = "close_provider", tag = "admin",
    params(("name" = String, Path, description = "The provider's name")),
    responses((status = 204, description = "It is closed")),
    security(("session" = ["superuser"]), ("cookie" = ["superuser"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ManagesServer>,
    InPath(name): InPath<String>,
) -> Result<StatusCode, ApiError> {
    state.fallback()?.set_open(&caller.actor(), &name, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
