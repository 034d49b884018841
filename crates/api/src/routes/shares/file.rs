//! `GET /api/v1/shared/{token}/file`: the bytes of the picture a link shows.

use axum::{extract::State, http::HeaderMap, response::Response};

use crate::{ApiError, AppState, extract::InName, routes::images::sent};

/// The bytes of the picture a link shows, without what is written in them unless the link shows the prompt.
#[utoipa::path(
    get, path = "/api/v1/shared/{token}/file", operation_id = "shared_file", tag = "gallery",
    params(("token" = String, Path, description = "The link's token")),
    responses(
        (status = 200, description = "The file", content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"))),
        (status = 304, description = "As `If-None-Match` has it"),
    ),
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    InName(token): InName,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let files = state.platform.social.shared_files(&token).await?;
    sent::shown(&state, &files, &headers).await
}
