//! `GET /metrics`: the engine and the external providers in Prometheus' text format.

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

use crate::AppState;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The last line of the format.
const END: &str = "# EOF";

/// The engine in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "health",
    responses((status = 200, description = "OpenMetrics", body = String, content_type = "application/openmetrics-text"))
)]
pub(crate) async fn handler(State(state): State<AppState>) -> Response {
    let mut text = state.engine.metrics();
    if let Some(fallback) = &state.services.fallback {
        // What ends the text ends it.
        let end = text.rfind(END).unwrap_or(text.len());
        text.insert_str(end, &fallback.metrics());
    }
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
