//! `GET /sdapi/v1/options`: the caller's own settings.

use axum::{Json, extract::State};
use serde_json::Value;

use super::kept;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
};

/// The caller's own settings.
#[utoipa::path(
    get, path = "/sdapi/v1/options", operation_id = "a1111_options", tag = "a1111",
    responses((status = 200, description = "The settings", body = Object)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<Generates>) -> Result<Json<Value>, ApiError> {
    Ok(Json(kept::options(&state, &caller.user.id).await?.to_json(&state.engine)))
}
