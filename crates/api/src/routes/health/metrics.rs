//! `GET /metrics`: the engine, the external providers and the comparison of payments in Prometheus' text format.

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
    // What ends the text ends it.
    let end = text.rfind(END).unwrap_or(text.len());
    if let Some(payments) = &state.services.payments {
        match payments.metrics().await {
            Ok(lines) => text.insert_str(end, &lines),
            // Without the database the rest is of use all the more.
            Err(error) => tracing::warn!(error = error.code(), "the metrics of payments cannot be read"),
        }
    }
    if let Some(fallback) = &state.services.fallback {
        text.insert_str(end, &fallback.metrics());
    }
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
