//! `GET /api/v1/jobs`: somebody's jobs, newest first.

use axum::{Json, extract::State};
use easel_platform::jobs::Which;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InQuery,
    views::{Cursor, JobView, PageView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobsQuery {
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: Option<i64>,
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    pub(crate) cursor: Option<Cursor>,
    /// Jobs to pass over first; `cursor` goes further and costs less.
    #[param(minimum = 0, maximum = 10000, default = 0)]
    pub(crate) offset: Option<i64>,
    /// Those of one batch.
    pub(crate) batch_key: Option<String>,
}

impl JobsQuery {
    /// As the rules take it.
    pub(crate) fn which(&self) -> Which<'_> {
        Which {
            before: self.cursor.as_ref().map(Cursor::as_place),
            offset: self.offset.unwrap_or(0),
            batch_key: self.batch_key.as_deref(),
        }
    }
}

/// Your jobs, newest first.
#[utoipa::path(
    get, path = "/api/v1/jobs", operation_id = "list_jobs", tag = "jobs", params(JobsQuery),
    responses((status = 200, description = "The jobs", body = PageView<JobView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InQuery(query): InQuery<JobsQuery>,
) -> Result<Json<PageView<JobView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let jobs = state.platform.jobs.list_which(&caller.user.id, query.which(), limit + 1).await?;
    Ok(Json(PageView::of(jobs, limit, |job| Cursor(job.created_at, job.id.clone()))))
}
