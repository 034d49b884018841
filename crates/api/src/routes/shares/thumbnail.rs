//! `GET /api/v1/shared/{token}/thumbnail`: the small version of the picture a link shows.

use axum::{extract::State, http::HeaderMap, response::Response};

use crate::{ApiError, AppState, extract::InName, routes::images::sent};

/// The small version of the picture a link shows.
#[utoipa::path(
    get, path = "/api/v1/shared/{token}/thumbnail", operation_id = "shared_thumbnail", tag = "gallery",
    params(("token" = String, Path, description = "The link's token")),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "image/webp"),
        (status = 304, description = "As `If-None-Match` has it"),
    ),
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    InName(token): InName,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let files = state.platform.social.shared_files(&token).await?;
    sent::shown_thumbnail(&state, &files, &headers).await
}
