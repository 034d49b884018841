//! `GET /controlnet/version`: the version of ControlNet's API that is spoken.

use axum::Json;
use serde_json::{Value, json};

use crate::auth::{As, Generates};

/// Whose requests are understood.
const VERSION: u32 = 3;

/// The version of ControlNet's API that is spoken.
#[utoipa::path(
    get, path = "/controlnet/version", operation_id = "a1111_controlnet_version", tag = "a1111",
    responses((status = 200, description = "The version", body = Object)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Value> {
    Json(json!({"version": VERSION}))
}
