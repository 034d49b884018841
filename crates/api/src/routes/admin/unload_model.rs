//! `POST /api/v1/admin/models/{id}/unload`: puts a model out of memory.

use axum::{extract::State, http::StatusCode};
use easel_types::ModelId;

use crate::{
    ApiError, AppState,
    auth::{As, ManagesServer},
    extract::InPath,
};

/// Puts a model out of memory. It stays installed: the next request for it brings it in again.
#[utoipa::path(
    post, path = "/api/v1/admin/models/{id}/unload", operation_id = "unload_model", tag = "admin",
    params(("id" = String, Path, description = "The model's name")),
    responses((status = 202, description = "It will be done")),
    security(("session" = ["superuser"]), ("cookie" = ["superuser"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ManagesServer>,
    InPath(id): InPath<String>,
) -> Result<StatusCode, ApiError> {
    state.engine.put_away(&ModelId(id.clone()))?;
    state.platform.overview.note_model(&caller.actor(), &id, false).await?;
    Ok(StatusCode::ACCEPTED)
}
