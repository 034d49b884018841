//! `POST /sdapi/v1/unload-checkpoint`: puts the caller's model out of everybody's memory, so it needs who may.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::kept;
use crate::{
    ApiError, AppState,
    auth::{As, ManagesServer},
};

/// Puts the caller's model out of memory. It stays installed: the next request for it brings it in again.
#[utoipa::path(
    post, path = "/sdapi/v1/unload-checkpoint", operation_id = "a1111_unload_checkpoint", tag = "a1111",
    responses((status = 200, description = "An empty object", body = Object)),
    security(("session" = ["superuser"]), ("cookie" = ["superuser"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<ManagesServer>) -> Result<Json<Value>, ApiError> {
    let model = state.engine.find_model(kept::options(&state, &caller.user.id).await?.checkpoint.as_ref())?;
    state.engine.put_away(&model.id)?;
    state.platform.overview.note_model(&caller.actor(), &model.id.0, false).await?;
    Ok(Json(json!({})))
}
