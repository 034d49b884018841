//! `GET /metrics`: the engine in Prometheus' text format.

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

use crate::AppState;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The engine in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "health",
    responses((status = 200, description = "OpenMetrics", body = String, content_type = "application/openmetrics-text"))
)]
pub(crate) async fn handler(State(state): State<AppState>) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], state.engine.metrics()).into_response()
}
