//! `POST /api/v1/tasks/{id}/cancel`: ends a job, under the names of earlier designs.

use axum::{Json, extract::State, http::StatusCode};

use super::get::view;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InPath,
    views::TaskView,
};

/// Ends a job; nothing is paid.
#[utoipa::path(
    post, path = "/api/v1/tasks/{id}/cancel", operation_id = "cancel_task", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses((status = 202, description = "The job as it is now", body = TaskView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InPath(id): InPath<String>,
) -> Result<(StatusCode, Json<TaskView>), ApiError> {
    state.platform.jobs.cancel(&caller.user.id, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&state, &caller.user.id, &id).await?)))
}
