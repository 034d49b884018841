//! `GET /sdapi/v1/sd-modules`: VAEs and text encoders besides the models' own, as Forge lists them. There are none.

use axum::Json;
use serde_json::Value;

use crate::auth::{As, Generates};

/// VAEs and text encoders besides the models' own, as Forge lists them: none.
#[utoipa::path(
    get, path = "/sdapi/v1/sd-modules", operation_id = "a1111_sd_modules", tag = "a1111",
    responses((status = 200, description = "An empty list", body = Vec<Object>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Vec<Value>> {
    Json(Vec::new())
}
