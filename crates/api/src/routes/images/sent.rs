//! A stored file as an answer. What is under a key never changes, so whoever has it need not ask again; and it is for its owner alone.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use easel_blobs::Key;
use easel_platform::PlatformError;

use crate::{ApiError, AppState};

/// The bytes under a key, as they come; nothing if the client has them.
pub(super) async fn file(state: &AppState, key: &str, tag: &str, sent: &HeaderMap) -> Result<Response, ApiError> {
    let tag = format!("\"{tag}\"");
    let headers = [
        (header::ETAG, HeaderValue::from_str(&tag).map_err(|_| ApiError::internal())?),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("inline")),
        // A picture is opened as a page of its own: nothing in it may be one.
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    if sent.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let key: Key = key.parse().map_err(PlatformError::Blobs)?;
    let reading = state.platform.blobs.read(&key, None).await.map_err(PlatformError::Blobs)?;
    let about = [
        (header::CONTENT_TYPE, HeaderValue::from_static(reading.meta.media_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(reading.meta.size)),
    ];
    Ok((headers, about, Body::from_stream(reading.into_stream())).into_response())
}
