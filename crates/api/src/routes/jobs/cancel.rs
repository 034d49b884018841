//! `POST /api/v1/jobs/{id}/cancel`: at once if it waits, within a step if it is being drawn. Nothing is paid. A job that has ended stays as it is.

use axum::{Json, extract::State, http::StatusCode};

use super::get::view;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InPath,
    views::JobView,
};

/// Ends a job; nothing is paid.
#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/cancel", operation_id = "cancel_job", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses((status = 202, description = "The job as it is now", body = JobView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InPath(id): InPath<String>,
) -> Result<(StatusCode, Json<JobView>), ApiError> {
    state.platform.jobs.cancel(&caller.user.id, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&state, &caller.user.id, &id).await?)))
}
