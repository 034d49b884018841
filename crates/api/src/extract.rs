//! Reading a JSON body: within its limit, within its time, and with errors that say what is wrong where.

use axum::{
    body::{Body, Bytes},
    extract::FromRequest,
    http::{HeaderMap, Request, StatusCode, header::CONTENT_TYPE},
};
use serde_json::{Map, Value};

use crate::{ApiConfig, ApiError};

/// Reads a body that has to be a JSON object. How long it may be, the router's `DefaultBodyLimit` says.
pub(crate) async fn json_object(request: Request<Body>, config: &ApiConfig) -> Result<Map<String, Value>, ApiError> {
    if !is_json(request.headers()) {
        let message = "send the body as JSON, with the header `Content-Type: application/json`";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
    }
    let bytes = match tokio::time::timeout(config.body_timeout, Bytes::from_request(request, &())).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("the body is larger than {} bytes", config.body_bytes_max);
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
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
