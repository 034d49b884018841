//! `POST /api/v1/admin/models/{id}/load`: brings a model into memory.

use axum::{extract::State, http::StatusCode};
use easel_types::ModelId;

use crate::{
    ApiError, AppState,
    auth::{As, ManagesServer},
    extract::InPath,
};

/// Brings a model into memory before somebody asks for it, putting others out if there is no room. It comes between two steps: look at
/// the list for when it is there.
#[utoipa::path(
    post, path = "/api/v1/admin/models/{id}/load", operation_id = "load_model", tag = "admin",
    params(("id" = String, Path, description = "The model's name")),
    responses((status = 202, description = "It will be done")),
    security(("session" = ["superuser"]), ("cookie" = ["superuser"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ManagesServer>,
    InPath(id): InPath<String>,
) -> Result<StatusCode, ApiError> {
    state.engine.bring_in(&ModelId(id.clone()))?;
    state.platform.overview.note_model(&caller.actor(), &id, true).await?;
    Ok(StatusCode::ACCEPTED)
}
