//! A stored file as an answer: to its owner, who need not ask again for what never changes, and to others, while they may see it.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use easel_blobs::Key;
use easel_platform::{PlatformError, social::ShownFiles};

use crate::{ApiError, AppState};

/// One's own never change, and nobody else gets them.
const OWN: &str = "private, max-age=31536000, immutable";
/// What others may see now they may not see later: they ask again each time, and get what they have not got.
const OTHERS: &str = "private, no-cache";
/// A file that is taken apart is held in memory; larger ones are not made here.
const SIZE_MAX: u64 = 512 * 1024 * 1024;

/// The bytes under a key of one's own, as they come; nothing if the client has them.
pub(super) async fn file(state: &AppState, key: &str, tag: &str, sent: &HeaderMap) -> Result<Response, ApiError> {
    as_it_is(state, key, tag, OWN, sent).await
}

/// A picture for others than its owner: without what is written in the file, unless that is shown.
pub(crate) async fn shown(state: &AppState, files: &ShownFiles, sent: &HeaderMap) -> Result<Response, ApiError> {
    if files.shows_prompt {
        return as_it_is(state, &files.storage_key, &files.sha256, OTHERS, sent).await;
    }
    let headers = match headers(&format!("{}-bare", files.sha256), OTHERS, sent)? {
        Known::Yes(answer) => return Ok(answer),
        Known::No(headers) => headers,
    };
    let key: Key = files.storage_key.parse().map_err(PlatformError::Blobs)?;
    let whole = state.platform.blobs.read_all(&key, SIZE_MAX).await.map_err(PlatformError::Blobs)?;
    let stripped =
        tokio::task::spawn_blocking(move || easel_imaging::bare(whole.into())).await.map_err(|_| ApiError::internal())?;
    // A file of ours that is none is nobody's mistake who asks for it.
    let bytes = stripped.map_err(|_| ApiError::internal())?;
    Ok((headers, [(header::CONTENT_TYPE, HeaderValue::from_static(key.kind().media_type()))], bytes).into_response())
}

/// The small version of a picture, for others than its owner.
pub(crate) async fn shown_thumbnail(state: &AppState, files: &ShownFiles, sent: &HeaderMap) -> Result<Response, ApiError> {
    let key = files.thumbnail_key.as_deref().ok_or(PlatformError::NotFound("thumbnail"))?;
    as_it_is(state, key, &format!("{}-thumbnail", files.sha256), OTHERS, sent).await
}

/// What is the same for everybody may be kept by what stands between as well, which asks again each time.
pub(super) fn for_everybody(state: &AppState, mut answer: Response) -> Response {
    if state.cdn().is_some() {
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    }
    answer
}

/// Whether a client has what others may see, by what tells one version of it from another.
pub(crate) fn known_by_others(tag: &str, sent: &HeaderMap) -> Result<Known, ApiError> {
    headers(tag, OTHERS, sent)
}

async fn as_it_is(state: &AppState, key: &str, tag: &str, caching: &'static str, sent: &HeaderMap) -> Result<Response, ApiError> {
    let headers = match headers(tag, caching, sent)? {
        Known::Yes(answer) => return Ok(answer),
        Known::No(headers) => headers,
    };
    let key: Key = key.parse().map_err(PlatformError::Blobs)?;
    let reading = state.platform.blobs.read(&key, None).await.map_err(PlatformError::Blobs)?;
    let about = [
        (header::CONTENT_TYPE, HeaderValue::from_static(reading.meta.media_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(reading.meta.size)),
    ];
    Ok((headers, about, Body::from_stream(reading.into_stream())).into_response())
}

/// Whether the client has a file already, and then what it is answered.
pub(crate) enum Known {
    Yes(Response),
    No([(HeaderName, HeaderValue); 4]),
}

fn headers(tag: &str, caching: &'static str, sent: &HeaderMap) -> Result<Known, ApiError> {
    let tag = format!("\"{tag}\"");
    let headers = [
        (header::ETAG, HeaderValue::from_str(&tag).map_err(|_| ApiError::internal())?),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("inline")),
        // A picture is opened as a page of its own: nothing in it may be one.
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    let known = sent.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    Ok(if known { Known::Yes((StatusCode::NOT_MODIFIED, headers).into_response()) } else { Known::No(headers) })
}
