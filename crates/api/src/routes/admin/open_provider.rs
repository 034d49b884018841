//! `POST /api/v1/admin/providers/{name}/open`: opens a provider's breaker by hand, on every node.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{As, ManagesServer},
    extract::InPath,
};

/// Nothing goes there until it is closed again. Every node does so when it looks next.
#[utoipa::path(
    post, path = "/api/v1/admin/providers/{name}/open", operation_id = "open_provider", tag = "admin",
    params(("name" = String, Path, description = "The provider's name")),
    responses((status = 204, description = "It is open")),
    security(("session" = ["superuser"]), ("cookie" = ["superuser"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ManagesServer>,
    InPath(name): InPath<String>,
) -> Result<StatusCode, ApiError> {
    state.fallback()?.set_open(&caller.actor(), &name, true).await?;
    Ok(StatusCode::NO_CONTENT)
}
