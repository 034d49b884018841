//! `GET /sdapi/v1/face-restorers`: what restores faces. Nothing does.

use axum::Json;
use serde_json::Value;

use crate::auth::{As, Generates};

/// What restores faces: nothing.
#[utoipa::path(
    get, path = "/sdapi/v1/face-restorers", operation_id = "a1111_face_restorers", tag = "a1111",
    responses((status = 200, description = "An empty list", body = Vec<Object>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Vec<Value>> {
    Json(Vec::new())
}
