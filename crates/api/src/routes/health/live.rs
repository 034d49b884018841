//! `GET /health/live`: 503 only when nothing but a restart helps. Loading and draining are alive.

use axum::{Json, extract::State, http::StatusCode};
use easel_engine::State as EngineState;
use serde_json::{Value, json};

use crate::{ApiError, AppState};

/// 503 only when nothing but a restart helps. Loading and draining are alive.
#[utoipa::path(
    get, path = "/health/live", operation_id = "live", tag = "health",
    responses((status = 200, description = "Nothing but a restart would help if this were not so", body = Value))
)]
pub(crate) async fn handler(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let engine = state.engine.status().state;
    if engine == EngineState::Failed {
        let message = "the image engine has failed and has to be restarted";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "engine_failed", message));
    }
    Ok(Json(json!({"status": "ok", "engine": engine})))
}
