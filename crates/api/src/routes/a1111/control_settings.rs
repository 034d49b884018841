//! `GET /controlnet/settings`: how many ControlNets a request may name.

use axum::Json;
use serde_json::{Value, json};

use crate::auth::{As, Generates};

/// As many as the engine takes.
const UNITS: u32 = 8;

/// How many ControlNets a request may name.
#[utoipa::path(
    get, path = "/controlnet/settings", operation_id = "a1111_controlnet_settings", tag = "a1111",
    responses((status = 200, description = "The settings", body = Object)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Value> {
    Json(json!({"control_net_unit_count": UNITS}))
}
