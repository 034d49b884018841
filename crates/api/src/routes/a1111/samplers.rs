//! `GET /sdapi/v1/samplers`: the samplers, as A1111 names them.

use axum::Json;

use crate::{
    auth::{As, Generates},
    compat::a1111::samplers::{self, SamplerView},
};

/// The samplers, as A1111 names them.
#[utoipa::path(
    get, path = "/sdapi/v1/samplers", operation_id = "a1111_samplers", tag = "a1111",
    responses((status = 200, description = "The list", body = Vec<SamplerView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Vec<SamplerView>> {
    Json(samplers::views())
}
