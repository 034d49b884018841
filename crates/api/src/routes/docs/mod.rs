//! `/openapi.json` and the page that shows it, `/docs`. The page loads nothing from elsewhere.

use std::sync::LazyLock;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::openapi::OpenApi;

use crate::{AppState, earlier::left_out, prefix::documented, routes::page::file};

/// `GET /openapi.json`.
#[cfg(not(test))]
pub(crate) async fn document(State(state): State<AppState>) -> Response {
    const PLAIN: &str = "the document is plain data; this is a bug";
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(crate::openapi);
    let document = if state.config.compat_routes { DOCUMENT.clone() } else { left_out(DOCUMENT.clone()) };
    let text = documented(&state.config.prefix, document).to_json().expect(PLAIN);
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

/// `GET /docs`.
pub(crate) async fn html() -> Response {
    file("text/html; charset=utf-8", include_str!("../../../assets/docs.html"))
}

/// `GET /assets/docs.js`.
pub(crate) async fn js() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../../../assets/docs.js"))
}

/// `GET /assets/docs.css`.
pub(crate) async fn css() -> Response {
    file("text/css; charset=utf-8", include_str!("../../../assets/docs.css"))
}
