//! The bodies of `POST /v1/images/{edits,variations}`: `multipart/form-data`, as OpenAI's packages send it, or JSON with pictures by address.
//!
//! A form's fields become what they would be in JSON, where numbers may be strings anyway. A picture is a part called `image`, `image[]` or
//! `image[0]`, a mask one called `mask`; in JSON they are `images` or `image`, and `mask`: strings, or objects with an `image_url`. What they
//! hold is read by whoever needs it.

use axum::{
    body::Body,
    extract::{FromRequest, Multipart, Request, multipart::Field, multipart::MultipartError},
    http::StatusCode,
};
use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value};

use crate::{
    ApiError, AppState,
    extract::{is_json, json_object},
    sent::Sent,
};

/// OpenAI's own limit.
const IMAGES_MAX: usize = 16;
/// Parts of a form; OpenAI's have about twenty.
const PARTS_MAX: usize = 200;

/// A body, its pictures apart.
#[derive(Debug, Default)]
pub(crate) struct Form {
    /// Everything that is no picture.
    pub(crate) fields: Map<String, Value>,
    /// The pictures to start from.
    pub(crate) images: Vec<Sent>,
    /// What is repainted of the first.
    pub(crate) mask: Option<Sent>,
}

impl Form {
    /// Reads a body within its time. How long it may be, the router's `DefaultBodyLimit` says.
    pub(crate) async fn read(request: Request<Body>, state: &AppState) -> Result<Self, ApiError> {
        if is_json(request.headers()) {
            return Self::of_json(json_object(request, &state.config).await?);
        }
        let form = Multipart::from_request(request, &()).await.map_err(|_| {
            let message = "send the body as multipart/form-data with a part called `image`, or as JSON";
            ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
        })?;
        let read = tokio::time::timeout(state.config.upload_timeout, Self::of_parts(form)).await;
        read.unwrap_or_else(|_| {
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body did not arrive in time"))
        })
    }

    /// The only picture: models here start from one.
    pub(crate) fn image(&mut self) -> Result<Sent, ApiError> {
        match self.images.len() {
            0 => {
                let message = "`image` is required: a PNG, JPEG or WebP file to start from";
                Err(ApiError::invalid("image", "missing_required_parameter", message))
            }
            1 => Ok(self.images.remove(0)),
            _ => {
                let message = "the models here start from one picture: send one `image`";
                Err(ApiError::invalid("image", "unsupported_value", message))
            }
        }
    }

    async fn of_parts(mut parts: Multipart) -> Result<Self, ApiError> {
        let mut form = Self::default();
        let mut count = 0;
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            count += 1;
            let Some(name) = part.name().map(str::to_owned).filter(|_| count <= PARTS_MAX) else {
                return Err(ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "body_unreadable",
                    "the form has too many parts, or one without a name",
                ));
            };
            match name.as_str() {
                "mask" | "mask[]" => form.mask = sent(whole(part).await?),
                "image" => form.add(sent(whole(part).await?))?,
                name if name.starts_with("image[") => form.add(sent(whole(part).await?))?,
                // Files of other names are for models that are not here; `request.rs` refuses what would change the picture.
                _ if part.file_name().is_some() => {
                    form.fields.insert(name, Value::Bool(true));
                }
                _ => {
                    let text = part.text().await.map_err(unreadable)?;
                    form.fields.insert(name, Value::String(text));
                }
            }
        }
        Ok(form)
    }

    fn of_json(mut fields: Map<String, Value>) -> Result<Self, ApiError> {
        let (images, mask) = (fields.remove("images").or_else(|| fields.remove("image")), fields.remove("mask"));
        let mut form = Self { fields, ..Self::default() };
        let images = match images {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(images)) => images,
            Some(one) => vec![one],
        };
        for image in images {
            form.add(Some(named("image", image)?))?;
        }
        form.mask = match mask {
            None | Some(Value::Null) => None,
            Some(mask) => Some(named("mask", mask)?),
        };
        Ok(form)
    }

    fn add(&mut self, image: Option<Sent>) -> Result<(), ApiError> {
        self.images.extend(image);
        if self.images.len() > IMAGES_MAX {
            let message = format!("at most {IMAGES_MAX} pictures are taken");
            return Err(ApiError::invalid("image", "out_of_range", message));
        }
        Ok(())
    }
}

/// A picture of a JSON body: an address, or an object with one.
fn named(param: &str, value: Value) -> Result<Sent, ApiError> {
    let wrong = || {
        let message = format!("`{param}` must be an address, a data URL, or an object with an `image_url`");
        ApiError::invalid(param, "invalid_type", message)
    };
    match value {
        Value::String(text) => Ok(Sent::Text(text)),
        Value::Object(mut object) => match object.remove("image_url") {
            Some(Value::String(text)) => Ok(Sent::Text(text)),
            None | Some(Value::Null) if object.get("file_id").is_some_and(Value::is_string) => {
                let message = "this server keeps no files for other requests: send the picture itself";
                Err(ApiError::invalid(param, "unsupported_value", message))
            }
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// What a part holds. Some programs send an address or base64 where a file belongs, and an empty part where there is none.
fn sent(bytes: Bytes) -> Option<Sent> {
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.trim().is_empty() => None,
        Ok(text) => Some(Sent::Text(text.to_owned())),
        Err(_) => Some(Sent::File(bytes)),
    }
}

async fn whole(mut part: Field<'_>) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = part.chunk().await.map_err(unreadable)? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

fn unreadable(error: MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body is larger than is taken here");
    }
    ApiError::new(StatusCode::BAD_REQUEST, "body_unreadable", "the form could not be read to its end")
}
