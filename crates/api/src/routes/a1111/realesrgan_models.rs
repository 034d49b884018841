//! `GET /sdapi/v1/realesrgan-models`: learnt upscalers. There are none.

use axum::Json;
use serde_json::Value;

use crate::auth::{As, Generates};

/// Learnt upscalers: none.
#[utoipa::path(
    get, path = "/sdapi/v1/realesrgan-models", operation_id = "a1111_realesrgan_models", tag = "a1111",
    responses((status = 200, description = "An empty list", body = Vec<Object>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Vec<Value>> {
    Json(Vec::new())
}
