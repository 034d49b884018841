//! `GET /health/ready`: 200 while requests are taken and the database answers, 503 otherwise, with the reason.

use std::time::Duration;

use axum::{Json, extract::State};
use easel_engine::{State as EngineState, SubmitError};
use easel_platform::PlatformError;
use serde_json::{Value, json};

use crate::{ApiError, AppState};

/// How long the database may take to answer.
const DATABASE_MAX: Duration = Duration::from_secs(2);

/// 200 while requests are taken and the database answers, 503 otherwise, with the reason.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "health",
    responses((status = 200, description = "Requests are taken", body = Value))
)]
pub(crate) async fn handler(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let status = state.engine.status();
    if status.state == EngineState::Ready {
        let answer = tokio::time::timeout(DATABASE_MAX, state.platform.context.db.clock()).await;
        answer.map_err(|_| ApiError::database_away())?.map_err(PlatformError::from)?;
    }
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
