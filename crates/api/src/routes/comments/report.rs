//! `POST /api/v1/comments/{id}/report`: reports a comment to the moderators.

use axum::{extract::State, http::StatusCode};
use easel_platform::moderation::Subject;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::{InName, JsonBody},
    views::ReportBody,
};

/// Reports a comment to the moderators.
#[utoipa::path(
    post, path = "/api/v1/comments/{id}/report", operation_id = "report_comment", tag = "gallery", request_body = ReportBody,
    params(("id" = String, Path, description = "The comment")),
    responses((status = 204, description = "It is noted")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InName(id): InName,
    JsonBody(body): JsonBody<ReportBody>,
) -> Result<StatusCode, ApiError> {
    let report = state.platform.moderation.report(&caller.user.id, Subject::Comment(&id), body.category(), body.note());
    report.await?;
    Ok(StatusCode::NO_CONTENT)
}
