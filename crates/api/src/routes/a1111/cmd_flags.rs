//! `GET /sdapi/v1/cmd-flags`: what of A1111's flags describes this server.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{
    AppState, Door,
    auth::{As, Generates},
};

/// What of A1111's flags describes this server.
#[utoipa::path(
    get, path = "/sdapi/v1/cmd-flags", operation_id = "a1111_cmd_flags", tag = "a1111",
    responses((status = 200, description = "The flags", body = Object)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Json<Value> {
    let (listen, fetches) = (state.config.door == Door::Accounts, state.services.fetcher.is_some());
    Json(
        json!({"api": true, "nowebui": true, "listen": listen, "api_enable_requests": fetches, "api_forbid_local_requests": true}),
    )
}
