//! `GET /api/v1/jobs/{id}`: how far a job is, with its pictures. Cheap to ask again: with `If-None-Match` nothing is sent that was sent before.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InPath,
    views::JobView,
};

/// How far a job is, with its pictures.
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", operation_id = "get_job", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "The job", body = JobView), (status = 304, description = "As `If-None-Match` has it")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InPath(id): InPath<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let view = view(&state, &caller.user.id, &id).await?;
    let text = serde_json::to_vec(&view).map_err(|_| ApiError::internal())?;
    let digest: String = Sha256::digest(&text)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{digest}\"");
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { Json(view).into_response() };
    response.headers_mut().insert(header::ETAG, HeaderValue::from_str(&tag).map_err(|_| ApiError::internal())?);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// A job of this user with its pictures.
pub(crate) async fn view(state: &AppState, user_id: &str, id: &str) -> Result<JobView, ApiError> {
    let job = state.platform.jobs.get(user_id, id).await?;
    let images = state.platform.images.of_job(user_id, id).await?;
    Ok(JobView::with_images(job, images))
}
