//! `GET /api/v1/images/{id}/thumbnail`: the small version of one of somebody's pictures.

use axum::{extract::State, http::HeaderMap, response::Response};
use easel_platform::PlatformError;

use super::sent;
use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InPath,
};

/// The small version of one of your pictures.
#[utoipa::path(
    get, path = "/api/v1/images/{id}/thumbnail", operation_id = "image_thumbnail", tag = "images",
    params(("id" = String, Path, description = "The picture")),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "image/webp"),
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
    let key = image.thumbnail_key.ok_or(PlatformError::NotFound("thumbnail"))?;
    let tag = format!("{}-thumbnail", image.sha256);
    sent::file(&state, &key, &tag, &headers).await
}
