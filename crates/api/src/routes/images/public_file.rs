//! `GET /api/v1/images/{id}/public/file`: the bytes of a public picture.

use axum::{extract::State, http::HeaderMap, response::Response};

use crate::{ApiError, AppState, auth::Viewer, extract::InName, routes::images::sent};

/// The bytes of a public picture, without what is written in them unless its prompt is shown.
#[utoipa::path(
    get, path = "/api/v1/images/{id}/public/file", operation_id = "public_image_file", tag = "gallery",
    params(("id" = String, Path, description = "The picture")),
    responses(
        (status = 200, description = "The file", content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"))),
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
    Ok(sent::for_everybody(&state, sent::shown(&state, &files, &headers).await?))
}
