//! `GET /sdapi/v1/extensions`: extensions. There are none.

use axum::Json;
use serde_json::Value;

use crate::auth::{As, Generates};

/// Extensions: none.
#[utoipa::path(
    get, path = "/sdapi/v1/extensions", operation_id = "a1111_extensions", tag = "a1111",
    responses((status = 200, description = "An empty list", body = Vec<Object>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Vec<Value>> {
    Json(Vec::new())
}
