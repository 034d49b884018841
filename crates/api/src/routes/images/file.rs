//! `GET /api/v1/images/{id}/file`: the bytes of one of somebody's pictures.

use axum::{extract::State, http::HeaderMap, response::Response};

use super::sent;
use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InPath,
};

/// The bytes of one of your pictures.
#[utoipa::path(
    get, path = "/api/v1/images/{id}/file", operation_id = "image_file", tag = "images",
    params(("id" = String, Path, description = "The picture")),
    responses(
        (status = 200, description = "The file", content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"))),
        (status = 304, description = "As `If-None-Match` has it"),
    ),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
    InPath(id): InPath<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let image = state.platform.images.get(&caller.user.id, &id).await?;
    sent::file(&state, &image.storage_key, &image.sha256, &headers).await
}
