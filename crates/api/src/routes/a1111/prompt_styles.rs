//! `GET /sdapi/v1/prompt-styles`: styles by name. There are none: they are written into the prompt.

use axum::Json;
use serde_json::Value;

use crate::auth::{As, Generates};

/// Styles by name: none.
#[utoipa::path(
    get, path = "/sdapi/v1/prompt-styles", operation_id = "a1111_prompt_styles", tag = "a1111",
    responses((status = 200, description = "An empty list", body = Vec<Object>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Vec<Value>> {
    Json(Vec::new())
}
