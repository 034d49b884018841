//! `GET /api/v1/tasks`: somebody's jobs under the names of earlier designs, newest first.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InQuery,
    routes::jobs::{history::with_images, list::JobsQuery},
    views::{Cursor, PageView, TaskView, page_size},
};

/// Your jobs, as earlier designs had them, newest first.
#[utoipa::path(
    get, path = "/api/v1/tasks", operation_id = "list_tasks", tag = "jobs", params(JobsQuery),
    responses((status = 200, description = "The jobs", body = PageView<TaskView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InQuery(query): InQuery<JobsQuery>,
) -> Result<Json<PageView<TaskView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let jobs = with_images(&state, &caller.user.id, query.which(), limit + 1).await?;
    Ok(Json(PageView::of(jobs, limit, |(job, _)| Cursor(job.created_at, job.id.clone()))))
}
