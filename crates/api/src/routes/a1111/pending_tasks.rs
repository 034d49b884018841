//! `GET /internal/pending-tasks`: the names of the caller's requests that are not done.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::heard::drawings;
use crate::{
    AppState,
    auth::{As, Generates},
};

/// The names of the caller's requests that are not done.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingView {
    /// How many.
    size: usize,
    /// Their names.
    tasks: Vec<String>,
}

/// The names of the caller's requests that are not done.
#[utoipa::path(
    get, path = "/internal/pending-tasks", operation_id = "a1111_pending_tasks", tag = "a1111",
    responses((status = 200, description = "The names", body = PendingView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<Generates>) -> Json<PendingView> {
    let tasks: Vec<_> = drawings(&state, &caller.user.id).into_iter().map(|task| task.id).collect();
    Json(PendingView { size: tasks.len(), tasks })
}
