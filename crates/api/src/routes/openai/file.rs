//! `GET /v1/images/files/{name}`: a picture that was answered as a URL, for the hour it lives.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{ApiError, AppState};

/// A picture that was answered as a URL, for the hour it lives.
#[utoipa::path(
    get, path = "/v1/images/files/{name}", operation_id = "openai_file", tag = "openai",
    params(("name" = String, Path, description = "As it was given; it lets in by itself, for an hour")),
    responses((status = 200, description = "The picture", content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"))))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let gone = || ApiError::new(StatusCode::NOT_FOUND, "file_not_found", "there is no such picture, or its hour is over");
    let Path(name) = name.map_err(|_| gone())?;
    let found = state.files.get(&name).await.ok_or_else(gone)?;
    let headers = [
        (header::CONTENT_TYPE, found.format.media_type().to_owned()),
        // The name holds 128 random bits: what is under it never changes, and is for whoever was given it.
        (header::CACHE_CONTROL, format!("private, max-age={}, immutable", found.remaining.as_secs())),
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}\"")),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ];
    Ok((headers, found.bytes).into_response())
}
