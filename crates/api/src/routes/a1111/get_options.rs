//! `GET /sdapi/v1/options`: the caller's own settings.

use axum::{Json, extract::State};
use serde_json::Value;

use crate::{
    AppState,
    auth::{As, Generates},
};

/// The caller's own settings.
#[utoipa::path(
    get, path = "/sdapi/v1/options", operation_id = "a1111_options", tag = "a1111",
    responses((status = 200, description = "The settings", body = Object)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<Generates>) -> Json<Value> {
    Json(state.a1111.options.of(&caller.user.id).to_json(&state.engine))
}
