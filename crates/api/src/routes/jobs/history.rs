//! `GET /api/v1/generate/history`: somebody's jobs with their pictures, newest first, for clients of earlier designs.

use axum::{Json, extract::State};
use easel_platform::{
    jobs::Which,
    records::{Image, Job},
};

use super::list::JobsQuery;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InQuery,
    views::{Cursor, JobView, PageView, page_size},
};

/// Your jobs with their pictures, newest first.
#[utoipa::path(
    get, path = "/api/v1/generate/history", operation_id = "generation_history", tag = "jobs", params(JobsQuery),
    responses((status = 200, description = "The jobs", body = PageView<JobView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InQuery(query): InQuery<JobsQuery>,
) -> Result<Json<PageView<JobView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let jobs = with_images(&state, &caller.user.id, query.which(), limit + 1).await?;
    Ok(Json(PageView::of(jobs, limit, |(job, _)| Cursor(job.created_at, job.id.clone()))))
}

/// A page of somebody's jobs, each with its pictures.
pub(crate) async fn with_images(
    state: &AppState,
    user_id: &str,
    which: Which<'_>,
    limit: i64,
) -> Result<Vec<(Job, Vec<Image>)>, ApiError> {
    let jobs = state.platform.jobs.list_which(user_id, which, limit).await?;
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    let mut images = state.platform.images.of_jobs(user_id, &ids).await?;
    let of = |job: Job| {
        let (its, others) = std::mem::take(&mut images).into_iter().partition(|image: &Image| image.job_id == job.id);
        images = others;
        (job, its)
    };
    Ok(jobs.into_iter().map(of).collect())
}
