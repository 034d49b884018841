//! `GET /sdapi/v1/script-info`: what the scripts take.

use axum::Json;
use serde_json::{Value, json};

use crate::auth::{As, Generates};

/// What the scripts take: ControlNet's units are objects, which A1111 has no description for.
#[utoipa::path(
    get, path = "/sdapi/v1/script-info", operation_id = "a1111_script_info", tag = "a1111",
    responses((status = 200, description = "The scripts", body = Vec<Object>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Value> {
    let script = |is_img2img: bool| json!({"name": "controlnet", "is_alwayson": true, "is_img2img": is_img2img, "args": []});
    Json(json!([script(false), script(true)]))
}
