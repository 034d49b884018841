//! `POST /sdapi/v1/refresh-checkpoints`: looks for models that were installed or removed.

use axum::{Json, extract::State};

use crate::{
    AppState,
    auth::{As, Generates},
};

/// Looks for models that were installed or removed.
#[utoipa::path(
    post, path = "/sdapi/v1/refresh-checkpoints", operation_id = "a1111_refresh_checkpoints", tag = "a1111",
    responses((status = 200, description = "Null")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Json<()> {
    state.engine.refresh_models().await;
    Json(())
}
