//! `POST /sdapi/v1/refresh-vae`: looks for VAEs, of which there are none.

use axum::Json;

use crate::auth::{As, Generates};

/// Looks for VAEs, of which there are none.
#[utoipa::path(
    post, path = "/sdapi/v1/refresh-vae", operation_id = "a1111_refresh_vae", tag = "a1111",
    responses((status = 200, description = "Null")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<()> {
    Json(())
}
