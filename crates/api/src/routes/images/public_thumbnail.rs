//! `GET /api/v1/images/{id}/public/thumbnail`: the small version of a public picture.

use axum::{extract::State, http::HeaderMap, response::Response};

use crate::{ApiError, AppState, auth::Viewer, extract::InName, routes::images::sent};

/// The small version of a public picture.
#[utoipa::path(
    get, path = "/api/v1/images/{id}/public/thumbnail", operation_id = "public_image_thumbnail", tag = "gallery",
    params(("id" = String, Path, description = "The picture")),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "image/webp"),
        (status = 304, description = "As `If-None-Match` has it"),
    ),
    security((), ("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    viewer: Viewer,
    InName(id): InName,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let files = state.platform.social.files(viewer.id(), &id).await?;
    Ok(sent::for_everybody(&state, sent::shown_thumbnail(&state, &files, &headers).await?))
}
