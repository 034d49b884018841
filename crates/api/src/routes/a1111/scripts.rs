//! `GET /sdapi/v1/scripts`: the scripts that requests can name.

use axum::Json;
use serde_json::{Value, json};

use crate::auth::{As, Generates};

/// The scripts that requests can name.
#[utoipa::path(
    get, path = "/sdapi/v1/scripts", operation_id = "a1111_scripts", tag = "a1111",
    responses((status = 200, description = "The names", body = Object)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Value> {
    Json(json!({"txt2img": ["controlnet"], "img2img": ["controlnet"]}))
}
