//! `GET /sdapi/v1/latent-upscale-modes`: what a second pass can be begun with besides upscalers.

use axum::Json;

use crate::{
    auth::{As, Generates},
    compat::a1111::upscalers::{self, LatentModeView},
};

/// What a second pass can be begun with besides upscalers.
#[utoipa::path(
    get, path = "/sdapi/v1/latent-upscale-modes", operation_id = "a1111_latent_upscale_modes", tag = "a1111",
    responses((status = 200, description = "The list", body = Vec<LatentModeView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Vec<LatentModeView>> {
    Json(upscalers::latent_views())
}
