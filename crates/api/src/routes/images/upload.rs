//! `POST /api/v1/images/upload`: takes in a picture to start from, as `multipart/form-data` with one part called `file`, or as JSON with the
//! `url` it is at. With parts called `files` several are taken in at once, and what became of each is told by its name: one that is no picture
//! keeps none of the others out.
//!
//! The name, the type and everything but the pixels are forgotten. The body has a limit of its own, and the whole of it a deadline.

use axum::{
    Json,
    body::Body,
    extract::{
        FromRequest, Multipart, Request, State,
        multipart::{Field, MultipartError},
    },
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::JsonBody,
    views::UploadView,
};

/// The part's name.
const PART: &str = "file";
/// That of each of several.
const PARTS: &str = "files";
/// Of these not even what is left out is told.
const PARTS_MAX: usize = 100;
/// Characters of a file's name that are told back.
const NAME_MAX: usize = 255;

/// A picture to start from.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is used: the body is read as it comes")]
pub(crate) struct UploadBody {
    /// PNG, JPEG or WebP.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

/// Pictures to start from: one, or several.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is used: the body is read as it comes")]
pub(crate) struct UploadsBody {
    /// PNG, JPEG or WebP: a single one.
    #[schema(value_type = Option<String>, format = Binary, content_media_type = "application/octet-stream")]
    file: Option<Vec<u8>>,
    /// Instead of `file`: several.
    #[schema(value_type = Option<Vec<String>>)]
    files: Option<Vec<Vec<u8>>>,
}

/// What became of several pictures, in their order.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadedView {
    /// Each of them.
    files: Vec<UploadedFile>,
}

/// What became of one of several pictures: it is kept, or why it is not.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadedFile {
    /// As whoever sent it calls it.
    #[schema(example = "cat.png")]
    name: String,
    /// The picture as it is kept.
    upload: Option<UploadView>,
    /// Why it is not kept.
    error: Option<UploadError>,
}

/// Why a picture is not kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadError {
    /// For programs: the same codes as elsewhere.
    #[schema(value_type = String, example = "picture_invalid")]
    code: &'static str,
    /// For people.
    message: String,
}

impl UploadedFile {
    fn of(name: String, taken: Result<UploadView, ApiError>) -> Self {
        match taken {
            Ok(upload) => Self { name, upload: Some(upload), error: None },
            Err(error) => {
                let error = UploadError { code: error.code(), message: error.message().to_owned() };
                Self { name, upload: None, error: Some(error) }
            }
        }
    }
}

/// What a form brought.
enum Sent {
    /// The part `file`.
    One(Bytes),
    /// The parts `files`, each with its name; or why it was not read.
    Several(Vec<(String, Result<Bytes, ApiError>)>),
}

/// Where a picture to start from is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoteBody {
    /// A public https address of a PNG, JPEG or WebP file.
    #[schema(example = "https://example.org/picture.png", max_length = 2048)]
    url: String,
}

/// Takes in a picture to start from, or several.
#[utoipa::path(
    post, path = "/api/v1/images/upload", operation_id = "upload_image", tag = "images",
    request_body(content((UploadsBody = "multipart/form-data"), (RemoteBody = "application/json"))),
    responses(
        (status = 201, description = "The picture as it is kept", body = UploadView),
        (status = 200, description = "What became of each of several", body = UploadedView),
    ),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let _place = state.uploads.try_acquire().map_err(|_| ApiError::busy())?;
    let (images, user) = (&state.platform.images, &caller.user);
    let sent = if is_json(request.headers()) {
        let JsonBody(RemoteBody { url }) = JsonBody::from_request(request, &state).await?;
        Sent::One(images.fetch(state.fetcher()?, &url).await?)
    } else {
        form_in_time(&state, request).await?
    };
    match sent {
        Sent::One(bytes) => {
            let upload: UploadView = images.upload(user, bytes).await?.into();
            Ok((StatusCode::CREATED, Json(upload)).into_response())
        }
        Sent::Several(sent) => {
            let mut files = Vec::with_capacity(sent.len());
            for (name, read) in sent {
                let taken = match read {
                    Ok(bytes) => images.upload(user, bytes).await.map(UploadView::from).map_err(ApiError::from),
                    Err(error) => Err(error),
                };
                files.push(UploadedFile::of(name, taken));
            }
            Ok(Json(UploadedView { files }).into_response())
        }
    }
}

/// The one picture of a form, within its limit and its time.
pub(crate) async fn read_in_time(state: &AppState, request: Request<Body>) -> Result<Bytes, ApiError> {
    match form_in_time(state, request).await? {
        Sent::One(bytes) => Ok(bytes),
        Sent::Several(_) => Err(missing()),
    }
}

/// A form's pictures, each within its limit and all within their time.
async fn form_in_time(state: &AppState, request: Request<Body>) -> Result<Sent, ApiError> {
    let limits = state.platform.images.upload_limits();
    let read = tokio::time::timeout(state.config.upload_timeout, read(request, limits.decode.bytes_max, limits.files_max));
    let late = |_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the picture did not arrive in time");
    read.await.map_err(late)?
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The bytes of the parts that are called so; others are passed over.
async fn read(request: Request<Body>, max: usize, files_max: usize) -> Result<Sent, ApiError> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| {
        let message = format!("send the picture as multipart/form-data, in a part called `{PART}`");
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    })?;
    let mut several = Vec::new();
    while let Some(part) = form.next_field().await.map_err(|error| unreadable(&error, max))? {
        let (is_one, is_of_several) = (part.name() == Some(PART), part.name() == Some(PARTS));
        if is_one && several.is_empty() {
            return read_part(part, max).await?.map(Sent::One).ok_or_else(|| too_large(max));
        }
        if !is_one && !is_of_several {
            continue;
        }
        if several.len() >= PARTS_MAX {
            return Err(too_many(files_max));
        }
        let name: String = part.file_name().unwrap_or_default().chars().take(NAME_MAX).collect();
        let read = if several.len() < files_max {
            read_part(part, max).await?.ok_or_else(|| too_large(max))
        } else {
            Err(too_many(files_max))
        };
        several.push((name, read));
    }
    if several.is_empty() { Err(missing()) } else { Ok(Sent::Several(several)) }
}

/// One part's bytes; none where there are more than may be.
async fn read_part(mut part: Field<'_>, max: usize) -> Result<Option<Bytes>, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = part.chunk().await.map_err(|error| unreadable(&error, max))? {
        if bytes.len() + piece.len() > max {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Some(bytes.freeze()))
}

fn unreadable(error: &MultipartError, max: usize) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(max);
    }
    ApiError::new(StatusCode::BAD_REQUEST, "body_unreadable", "the body could not be read to its end")
}

fn missing() -> ApiError {
    ApiError::invalid(PART, "missing_required_parameter", format!("there is no part called `{PART}`"))
}

fn too_many(max: usize) -> ApiError {
    ApiError::invalid(PARTS, "too_many_files", format!("at most {max} pictures are taken in at once"))
}

fn too_large(max: usize) -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", format!("a picture may have at most {max} bytes"))
}
