//! `GET /api/v1/admin/jobs`: everybody's jobs, newest first, without what was asked for.

use axum::{Json, extract::State};
use easel_platform::records::{Job, JobState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsServer},
    extract::InQuery,
    views::{CreditAmount, Cursor, PageView, page_size, shown_time},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AdminJobsQuery {
    /// Those in this state alone: `queued`, `processing`, `completed`, `failed` or `cancelled`.
    #[param(value_type = Option<String>)]
    state: Option<JobState>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Somebody's job, as an administrator sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AdminJobView {
    /// Its id.
    id: String,
    /// Whose.
    user_id: String,
    /// Their organisation; null is the default one.
    organization_id: Option<String>,
    /// `queued`, `processing`, `completed`, `failed` or `cancelled`.
    #[schema(value_type = String, example = "processing")]
    state: JobState,
    /// The model it needs.
    model: String,
    /// Pictures asked for.
    images_wanted: i64,
    /// Pictures stored.
    images_delivered: i64,
    /// Price of one picture.
    unit_price: CreditAmount,
    /// Higher goes first.
    priority: i64,
    /// How far it is, 0 to 1.
    progress: f64,
    /// How often it was begun.
    attempt: i64,
    /// The worker that has it.
    worker: Option<String>,
    /// Who draws it, if not we.
    provider: Option<String>,
    /// Why it failed, for programs.
    error_code: Option<String>,
    /// When it was submitted.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was first begun.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    finished_at: Option<String>,
}

impl From<Job> for AdminJobView {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            user_id: job.user_id,
            organization_id: job.organization_id,
            state: job.state,
            model: job.model,
            images_wanted: job.images_wanted,
            images_delivered: job.images_delivered,
            unit_price: job.unit_price.into(),
            priority: job.priority,
            progress: job.progress as f64 / 1000.0,
            attempt: job.attempt,
            worker: job.lease_owner,
            provider: job.provider,
            error_code: job.error_code,
            created_at: shown_time(job.created_at),
            started_at: job.started_at.map(shown_time),
            finished_at: job.finished_at.map(shown_time),
        }
    }
}

/// Everybody's jobs, newest first.
#[utoipa::path(
    get, path = "/api/v1/admin/jobs", operation_id = "list_all_jobs", tag = "admin", params(AdminJobsQuery),
    responses((status = 200, description = "The jobs", body = PageView<AdminJobView>)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<ReadsServer>,
    InQuery(query): InQuery<AdminJobsQuery>,
) -> Result<Json<PageView<AdminJobView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let after = query.cursor.as_ref().map(Cursor::as_place);
    let jobs = state.platform.overview.jobs(query.state, after, limit + 1).await?;
    Ok(Json(PageView::of(jobs, limit, |job| Cursor(job.created_at, job.id.clone()))))
}
