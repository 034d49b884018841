//! Reading what a request brings: bodies within their limit and their time, paths and queries; with errors that say what is wrong where.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Path, Query},
    http::{HeaderMap, Request, StatusCode, header::CONTENT_TYPE, request::Parts},
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{ApiConfig, ApiError, AppState};

/// Bytes of a body that brings a picture; how large the picture may be is the platform's to say.
pub(crate) const UPLOAD_MAX: usize = 64 * 1024 * 1024;

/// The same where reading stops at what the platform takes, so that nobody sends more than the operator allows.
pub(crate) const FILE_MAX: usize = 101 * 1024 * 1024;

/// A JSON body of a known shape; a field that it does not have is an error.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, state: &AppState) -> Result<Self, ApiError> {
        read(json_object(request, &state.config).await?).map(Self)
    }
}

/// An object as one of a known shape. Where a body has one of several, whoever has looked which it is reads it with this: an error names the field.
pub(crate) fn read<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        let (path, message) = (error.path().to_string(), error.into_inner().to_string());
        match path.as_str() {
            "." => ApiError::new(StatusCode::BAD_REQUEST, "invalid_body", message),
            field => ApiError::invalid(field, "invalid_value", message),
        }
    })
}

/// A field that can be left out (it stays), null (it is emptied) or given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Change<T> {
    /// Left out.
    #[default]
    Stays,
    /// Null, or a value.
    To(Option<T>),
}

impl<T> Change<T> {
    /// What it is afterwards.
    pub(crate) fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Stays => before,
            Self::To(after) => after,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::To)
    }
}

/// What stands in the path. What cannot be there is not there.
#[derive(Debug)]
pub(crate) struct InPath<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for InPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        // No database has a name with a NUL in it, and PostgreSQL cannot even look for one.
        if parts.uri.path().contains("%00") {
            return Err(ApiError::not_found());
        }
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|Path(value)| Self(value)).map_err(|_| ApiError::not_found())
    }
}

/// A name that stands in the path: an id, a user's name, a token. What cannot be one is not there.
#[derive(Debug)]
pub(crate) struct InName(pub(crate) String);

impl FromRequestParts<AppState> for InName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let InNames([name]) = InNames::from_request_parts(parts, state).await?;
        Ok(Self(name))
    }
}

/// Several of them, in their order.
#[derive(Debug)]
pub(crate) struct InNames<const N: usize>(pub(crate) [String; N]);

impl<const N: usize> FromRequestParts<AppState> for InNames<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let InPath(names) = InPath::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        let names: Vec<String> = names.into_iter().map(|(_, value)| value).filter(|name| is_name(name)).collect();
        names.try_into().map(Self).map_err(|_| ApiError::not_found())
    }
}

/// Letters, digits and the signs of names and tokens.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte))
}

/// What stands in the query.
#[derive(Debug)]
pub(crate) struct InQuery<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for InQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(value)| Self(value)).map_err(|rejection| {
            // axum's words, then serde's, which name the parameter.
            let message = rejection.body_text().replace("Failed to deserialize query string: ", "");
            ApiError::new(StatusCode::BAD_REQUEST, "invalid_query", message)
        })
    }
}

/// Reads a body that has to be a JSON object. How long it may be, the router's `DefaultBodyLimit` says. In a box, like all that most routes await.
pub(crate) fn json_object(
    request: Request<Body>,
    config: &ApiConfig,
) -> BoxFuture<'static, Result<Map<String, Value>, ApiError>> {
    Box::pin(json_object_within(request, config.body_bytes_max, config.body_timeout))
}

/// The same for routes that have their own limit, which is for messages, and their own time.
pub(crate) async fn json_object_within(
    request: Request<Body>,
    bytes_max: usize,
    time: Duration,
) -> Result<Map<String, Value>, ApiError> {
    if !is_json(request.headers()) {
        let message = "send the body as JSON, with the header `Content-Type: application/json`";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
    }
    let bytes = match tokio::time::timeout(time, Bytes::from_request(request, &())).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("the body is larger than {bytes_max} bytes");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message));
        }
        Ok(Err(_)) => {
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "body_unreadable", "the body could not be read to its end"));
        }
        Err(_) => return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body did not arrive in time")),
    };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(invalid("the body must be a JSON object".to_owned())),
        // Says what and where: `expected value at line 1 column 5`.
        Err(error) => Err(invalid(format!("the body is not valid JSON: {error}"))),
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", message)
}

/// `application/json` or `application/<something>+json`, whatever the parameters. Browsers do not send these across sites unasked.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
