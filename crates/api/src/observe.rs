//! What every request gets: an id, a span with it, the time it took, a place in the metrics, and headers that keep browsers careful.
//!
//! The span holds the method and the route's pattern, never the path itself (names of pictures are secrets), the query, a header or a body.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Response, header},
    middleware::Next,
};
use tracing::Instrument;
use uuid::Uuid;

use crate::traffic::Traffic;

/// Longest id that is taken over from a client.
const ID_MAX: usize = 128;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");

/// The id of a request, in its extensions.
#[derive(Debug, Clone)]
pub struct RequestId(pub HeaderValue);

/// The outermost middleware.
pub(crate) async fn observe(State(traffic): State<Arc<Traffic>>, mut request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    let id = incoming_id(request.headers()).unwrap_or_else(new_id);
    let (method, matched) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    let route = matched.as_ref().map(MatchedPath::as_str);
    let span = tracing::info_span!(
        "http",
        id = id.to_str().unwrap_or_default(),
        method = %method,
        route = route.unwrap_or("none"),
    );
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).instrument(span.clone()).await;
    let elapsed = started.elapsed();
    traffic.answered(&method, route, response.status().as_u16(), elapsed);
    span.in_scope(|| tracing::info!(status = response.status().as_u16(), ms = elapsed.as_millis() as u64, "answered"));
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(PROCESSING_MS, (elapsed.as_millis() as u64).into());
    secure(headers);
    response
}

fn secure(headers: &mut HeaderMap) {
    let defaults = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// An id is taken over if it can stand in a log line as it is.
fn incoming_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(REQUEST_ID)?;
    let bytes = value.as_bytes();
    let sane = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!bytes.is_empty() && bytes.len() <= ID_MAX && bytes.iter().all(sane)).then(|| value.clone())
}

fn new_id() -> HeaderValue {
    let id = format!("req_{}", Uuid::now_v7().simple());
    HeaderValue::from_str(&id).expect("hexadecimal digits are fit for a header; this is a bug")
}
