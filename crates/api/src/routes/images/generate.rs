//! `POST /api/v1/images/generate`: pictures from a text, from a picture, or in a part of one.
//!
//! Answered at once with the job; with `?wait=true` when it has ended, or after a minute, whichever comes first.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use easel_platform::{bus::What, jobs::Submitted};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::{InQuery, JsonBody},
    ordering::{Asked, DrawingBody, idempotency_key, submit},
    routes::jobs::get::view,
    views::JobView,
};

/// How long an answer may be waited for.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// News may be lost: the database is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether to wait.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GenerateQuery {
    /// Answer when the job has ended, or after a minute.
    #[serde(default)]
    #[param(default = false)]
    wait: bool,
}

/// Draws pictures.
#[utoipa::path(
    post, path = "/api/v1/images/generate", operation_id = "generate", tag = "images", request_body = DrawingBody,
    params(GenerateQuery, ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same body is the same job, for a day")),
    responses(
        (status = 202, description = "The job; `Location` is where it is", body = JobView),
        (status = 200, description = "With `wait`: the job, which has ended", body = JobView),
    ),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InQuery(query): InQuery<GenerateQuery>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<DrawingBody>,
) -> Result<Response, ApiError> {
    let order = body.order(&state, &caller.user).await?;
    let asked = Asked {
        key: idempotency_key(&headers)?,
        callback_url: body.callback_url.as_deref(),
        mail_at_end: body.notify.is_some(),
        batch_key: None,
    };
    let submitted = submit(&state, &caller, &order, asked).await?;
    if query.wait {
        ended(&state, &caller.user.id, &submitted.job.id).await?;
        let job = view(&state, &caller.user.id, &submitted.job.id).await?;
        if job.has_ended() {
            return Ok(Json(job).into_response());
        }
    }
    accepted(submitted)
}

/// 202 with the job and where it is.
pub(crate) fn accepted(submitted: Submitted) -> Result<Response, ApiError> {
    let place = format!("/api/v1/jobs/{}", submitted.job.id);
    let mut response = (StatusCode::ACCEPTED, Json(JobView::from(submitted.job))).into_response();
    let place = HeaderValue::from_str(&place).map_err(|_| ApiError::internal())?;
    response.headers_mut().insert(header::LOCATION, place);
    if submitted.repeated {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Waits for a job to end, or for as long as anybody may wait.
async fn ended(state: &AppState, user_id: &str, job_id: &str) -> Result<(), ApiError> {
    let mut news = state.platform.jobs.bus().listen();
    let deadline = tokio::time::Instant::now() + WAIT_MAX;
    while !state.platform.jobs.get(user_id, job_id).await?.state.is_terminal() {
        let look = (tokio::time::Instant::now() + LOOK_EVERY).min(deadline);
        let told = async {
            while let Ok(heard) = news.recv().await {
                if heard.news.job_id == job_id && matches!(heard.news.what, What::Ended { .. }) {
                    break;
                }
            }
        };
        // Told or not, the database says whether it has ended.
        let _ = tokio::time::timeout_at(look, told).await;
        if tokio::time::Instant::now() >= deadline {
            break;
        }
    }
    Ok(())
}
