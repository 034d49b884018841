//! `GET /metrics`: HTTP, people, jobs, the engine, the external providers and the comparison of payments in Prometheus' text format; for everybody, or
//! for whoever has the token that the operator has set.

use std::time::{Duration, Instant};

use axum::{
    extract::State,
    http::{HeaderMap, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use crate::{
    ApiError, AppState,
    auth::{bearer, unauthenticated},
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How long the database may take: whoever reads metrics does not wait long.
const PATIENCE: Duration = Duration::from_secs(3);
/// The last line of the format.
const END: &str = "# EOF";

/// What happens here, in Prometheus' text format. Where the operator has set a token, it is to be shown as `Authorization: Bearer`.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "health",
    responses((status = 200, description = "OpenMetrics", body = String, content_type = "application/openmetrics-text"))
)]
pub(crate) async fn handler(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    if let Some(token) = &state.config.metrics_token
        && bearer(&headers)?.is_none_or(|given| !token.is(given))
    {
        return Err(unauthenticated("the metrics are for whoever has their token"));
    }
    let mut text = state.engine.metrics();
    // What ends the text ends it.
    let end = text.rfind(END).unwrap_or(text.len());
    text.insert_str(end, &state.platform.jobs.metrics());
    text.insert_str(end, &state.traffic.text(Instant::now()));
    match tokio::time::timeout(PATIENCE, state.platform.overview.metrics()).await {
        Ok(Ok(lines)) => text.insert_str(end, &lines),
        // Without the database the rest is of use all the more.
        Ok(Err(error)) => tracing::warn!(error = error.code(), "who was here lately cannot be counted"),
        Err(_) => tracing::warn!("who was here lately is not counted in time"),
    }
    if let Some(payments) = &state.services.payments {
        match payments.metrics().await {
            Ok(lines) => text.insert_str(end, &lines),
            Err(error) => tracing::warn!(error = error.code(), "the metrics of payments cannot be read"),
        }
    }
    if let Some(fallback) = &state.services.fallback {
        text.insert_str(end, &fallback.metrics());
    }
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
