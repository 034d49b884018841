//! `GET /sdapi/v1/upscalers`: what enlarges pictures.

use axum::Json;

use crate::{
    auth::{As, Generates},
    compat::a1111::upscalers::{self, UpscalerView},
};

/// What enlarges pictures.
#[utoipa::path(
    get, path = "/sdapi/v1/upscalers", operation_id = "a1111_upscalers", tag = "a1111",
    responses((status = 200, description = "The list", body = Vec<UpscalerView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Vec<UpscalerView>> {
    Json(upscalers::views())
}
