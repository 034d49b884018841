//! `POST /sdapi/v1/refresh-embeddings`: nothing to do. Folders are looked at whenever somebody asks.

use axum::Json;

use crate::auth::{As, Generates};

/// Nothing to do: folders are looked at whenever somebody asks.
#[utoipa::path(
    post, path = "/sdapi/v1/refresh-embeddings", operation_id = "a1111_refresh_embeddings", tag = "a1111",
    responses((status = 200, description = "Null")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<()> {
    Json(())
}
