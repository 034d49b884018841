//! `POST /api/v1/images/upload`: takes in a picture to start from, as `multipart/form-data` with one part called `file`, or as JSON with the
//! `url` it is at.
//!
//! The name, the type and everything but the pixels are forgotten. The body has a limit of its own, and the whole of it a deadline.

use axum::{
    Json,
    body::Body,
    extract::{FromRequest, Multipart, Request, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::JsonBody,
    views::UploadView,
};

/// The part's name.
const PART: &str = "file";

/// A picture to start from.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is used: the body is read as it comes")]
pub(crate) struct UploadBody {
    /// PNG, JPEG or WebP.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

/// Where a picture to start from is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoteBody {
    /// A public https address of a PNG, JPEG or WebP file.
    #[schema(example = "https://example.org/picture.png", max_length = 2048)]
    url: String,
}

/// Takes in a picture to start from.
#[utoipa::path(
    post, path = "/api/v1/images/upload", operation_id = "upload_image", tag = "images",
    request_body(content((UploadBody = "multipart/form-data"), (RemoteBody = "application/json"))),
    responses((status = 201, description = "The picture as it is kept", body = UploadView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    request: Request<Body>,
) -> Result<(StatusCode, Json<UploadView>), ApiError> {
    let _place = state.uploads.try_acquire().map_err(|_| ApiError::busy())?;
    if is_json(request.headers()) {
        let JsonBody(RemoteBody { url }) = JsonBody::from_request(request, &state).await?;
        let upload = state.platform.images.upload_from(state.fetcher()?, &caller.user, &url).await?;
        return Ok((StatusCode::CREATED, Json(upload.into())));
    }
    let bytes = read_in_time(&state, request).await?;
    let upload = state.platform.images.upload(&caller.user, bytes).await?;
    Ok((StatusCode::CREATED, Json(upload.into())))
}

/// The picture of a form, within its limit and its time.
pub(crate) async fn read_in_time(state: &AppState, request: Request<Body>) -> Result<Bytes, ApiError> {
    let max = state.platform.images.upload_limits().decode.bytes_max;
    let read = tokio::time::timeout(state.config.upload_timeout, read(request, max));
    let late = |_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the picture did not arrive in time");
    read.await.map_err(late)?
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The bytes of the one part that is called so; others are passed over.
async fn read(request: Request<Body>, max: usize) -> Result<Bytes, ApiError> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| {
        let message = format!("send the picture as multipart/form-data, in a part called `{PART}`");
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    })?;
    let unreadable = |error: axum::extract::multipart::MultipartError| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return too_large(max);
        }
        ApiError::new(StatusCode::BAD_REQUEST, "body_unreadable", "the body could not be read to its end")
    };
    while let Some(mut part) = form.next_field().await.map_err(unreadable)? {
        if part.name() != Some(PART) {
            continue;
        }
        let mut bytes = BytesMut::new();
        while let Some(piece) = part.chunk().await.map_err(unreadable)? {
            if bytes.len() + piece.len() > max {
                return Err(too_large(max));
            }
            bytes.extend_from_slice(&piece);
        }
        return Ok(bytes.freeze());
    }
    Err(ApiError::invalid(PART, "missing_required_parameter", format!("there is no part called `{PART}`")))
}

fn too_large(max: usize) -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", format!("a picture may have at most {max} bytes"))
}
