//! `POST /sdapi/v1/reload-checkpoint`: brings the caller's model into everybody's memory, so it needs who may.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::kept;
use crate::{
    ApiError, AppState,
    auth::{As, ManagesServer},
};

/// Brings the caller's model into memory before somebody asks for it.
#[utoipa::path(
    post, path = "/sdapi/v1/reload-checkpoint", operation_id = "a1111_reload_checkpoint", tag = "a1111",
    responses((status = 200, description = "An empty object", body = Object)),
    security(("session" = ["superuser"]), ("cookie" = ["superuser"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<ManagesServer>) -> Result<Json<Value>, ApiError> {
    let model = state.engine.find_model(kept::options(&state, &caller.user.id).await?.checkpoint.as_ref())?;
    state.engine.bring_in(&model.id)?;
    state.platform.overview.note_model(&caller.actor(), &model.id.0, true).await?;
    Ok(Json(json!({})))
}
