//! `GET /` and its two files. Nothing is loaded from elsewhere and nothing is inline, so the policy can be as strict as it gets.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) async fn html() -> Response {
    file("text/html; charset=utf-8", include_str!("../../../assets/index.html"))
}

pub(crate) async fn css() -> Response {
    file("text/css; charset=utf-8", include_str!("../../../assets/easel.css"))
}

pub(crate) async fn js() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../../../assets/easel.js"))
}

pub(crate) fn file(media_type: &'static str, text: &'static str) -> Response {
    let headers =
        [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-cache"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, text).into_response()
}
