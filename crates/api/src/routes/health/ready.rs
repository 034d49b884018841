//! `GET /health/ready`: 200 while requests are taken, 503 otherwise, with the reason.

use axum::{Json, extract::State};
use easel_engine::{State as EngineState, SubmitError};
use serde_json::{Value, json};

use crate::{ApiError, AppState};

/// 200 while requests are taken, 503 otherwise, with the reason.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "health",
    responses((status = 200, description = "Requests are taken", body = Value))
)]
pub(crate) async fn handler(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let status = state.engine.status();
    match status.state {
        EngineState::Ready => Ok(Json(json!({
            "status": "ok",
            "engine": status.state,
            "queued": status.queued,
            "active": status.active,
            "devices_lost": status.devices_lost,
            "backlog_seconds": status.backlog.as_secs_f64(),
            "device": status.backend.map(|backend| backend.device),
        }))),
        EngineState::Loading => Err(SubmitError::Loading.into()),
        EngineState::Draining | EngineState::Stopped => Err(SubmitError::ShuttingDown.into()),
        EngineState::Failed => Err(SubmitError::Failed.into()),
    }
}
