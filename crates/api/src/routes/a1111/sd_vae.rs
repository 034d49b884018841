//! `GET /sdapi/v1/sd-vae`: VAEs besides the models' own. There are none: a model draws with its own.

use axum::Json;
use serde_json::Value;

use crate::auth::{As, Generates};

/// VAEs besides the models' own: none.
#[utoipa::path(
    get, path = "/sdapi/v1/sd-vae", operation_id = "a1111_sd_vae", tag = "a1111",
    responses((status = 200, description = "An empty list", body = Vec<Object>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Vec<Value>> {
    Json(Vec::new())
}
