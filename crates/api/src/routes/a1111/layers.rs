//! What A1111's routes answer differently: errors in its form, and the time that was taken.

use std::time::Instant;

use axum::{
    Json,
    extract::Request,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::ApiError;

const PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The layer.
pub(crate) async fn in_its_words(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        response = reworded(&error, &response);
    }
    if let Ok(time) = HeaderValue::from_str(&format!("{:.4}", started.elapsed().as_secs_f64())) {
        response.headers_mut().insert(PROCESS_TIME, time);
    }
    response
}

/// A field's error as FastAPI has it, any other as A1111 has it; `code` is ours, and stable.
fn reworded(error: &ApiError, original: &Response) -> Response {
    let (status, body) = match error.param() {
        Some(field) if error.status() == StatusCode::BAD_REQUEST => {
            let detail = json!([{"loc": ["body", field], "msg": error.message(), "type": "value_error"}]);
            (StatusCode::UNPROCESSABLE_ENTITY, json!({"detail": detail, "code": error.code()}))
        }
        _ => (error.status(), plain(error)),
    };
    let mut response = (status, Json(body)).into_response();
    for name in [RETRY_AFTER, SHOULD_RETRY] {
        if let Some(value) = original.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
    }
    response
}

fn plain(error: &ApiError) -> Value {
    json!({"error": "HTTPException", "detail": error.message(), "body": "", "errors": "", "code": error.code()})
}
