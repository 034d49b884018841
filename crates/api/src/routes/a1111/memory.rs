//! `GET /sdapi/v1/memory`: what the first graphics card has, where a limit is known. Of the host's memory nothing is told.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{
    AppState,
    auth::{As, Generates},
};

/// What the first graphics card has, where a limit is known.
#[utoipa::path(
    get, path = "/sdapi/v1/memory", operation_id = "a1111_memory", tag = "a1111",
    responses((status = 200, description = "Bytes, or why they are not told", body = Object)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Json<Value> {
    let card = state.engine.devices().into_iter().find(|device| device.name.starts_with("cuda"));
    let cuda = card.map_or_else(
        || json!({"error": "unavailable"}),
        |card| {
            let used = card.memory.weights + card.memory.slots + card.memory.cache;
            let total = card.weights_max.unwrap_or(used);
            json!({
                "system": {"free": total.saturating_sub(used), "used": used, "total": total},
                "active": {"current": used, "peak": used},
                "allocated": {"current": used, "peak": used},
                "reserved": {"current": used, "peak": used},
                "inactive": {"current": 0, "peak": 0},
                "events": {"retries": 0, "oom": 0},
            })
        },
    );
    Json(json!({"ram": {"error": "not told"}, "cuda": cuda}))
}
