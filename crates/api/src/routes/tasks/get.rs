//! `GET /api/v1/tasks/{id}`: a job under the names of earlier designs.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InPath,
    views::TaskView,
};

/// How far a job is, as earlier designs had it.
#[utoipa::path(
    get, path = "/api/v1/tasks/{id}", operation_id = "get_task", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "The job", body = TaskView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InPath(id): InPath<String>,
) -> Result<Json<TaskView>, ApiError> {
    view(&state, &caller.user.id, &id).await.map(Json)
}

/// A job of this user, and where its pictures are.
pub(super) async fn view(state: &AppState, user_id: &str, id: &str) -> Result<TaskView, ApiError> {
    let job = state.platform.jobs.get(user_id, id).await?;
    let images = state.platform.images.of_job(user_id, id).await?;
    Ok((job, images).into())
}
