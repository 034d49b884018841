//! `PUT /api/v1/files/{key}`: takes the bytes of a picture that an address was made for. Who has the address may do it, once; whether the bytes
//! are a picture is looked at when its owner says that it has arrived.

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{Request, StatusCode, header::CONTENT_TYPE},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use crate::{ApiError, AppState, extract::InPath};

/// Takes the bytes of a picture that an address was made for.
#[utoipa::path(
    put, path = "/api/v1/files/{*key}", operation_id = "put_file", tag = "images",
    params(
        ("key" = String, Path, description = "As it stands in the address"),
        ("expires" = i64, Query, description = "As it stands in the address"),
        ("size" = i64, Query, description = "As it stands in the address"),
        ("signature" = String, Query, description = "As it stands in the address"),
    ),
    request_body(content(
        (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"),
    ), description = "The bytes, of the type and the size that were announced"),
    responses((status = 204, description = "It has arrived"))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    InPath(key): InPath<String>,
    RawQuery(query): RawQuery,
    request: Request<Body>,
) -> Result<StatusCode, ApiError> {
    let images = &state.platform.images;
    let expected = images.expected(&key, query.as_deref().unwrap_or_default()).await?;
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind != Some(expected.media_type()) {
        let message = format!("send the bytes with the header `Content-Type: {}`", expected.media_type());
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
    }
    let _place = state.uploads.try_acquire().map_err(|_| ApiError::busy())?;
    let size = usize::try_from(expected.size).unwrap_or(usize::MAX);
    let read = tokio::time::timeout(state.config.upload_timeout, read(request.into_body(), size));
    let late = |_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the picture did not arrive in time");
    let bytes = read.await.map_err(late)??;
    images.arrived(&expected, bytes).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The whole body, which has at most so many bytes.
async fn read(body: Body, size: usize) -> Result<Bytes, ApiError> {
    let mut pieces = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let unreadable = |_| ApiError::new(StatusCode::BAD_REQUEST, "body_unreadable", "the body could not be read to its end");
        let piece = piece.map_err(unreadable)?;
        if bytes.len() + piece.len() > size {
            let message = format!("{size} bytes were announced, and more are sent");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}
