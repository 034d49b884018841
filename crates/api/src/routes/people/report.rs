//! `POST /api/v1/users/{username}/report`: reports somebody to the moderators.

use axum::{extract::State, http::StatusCode};
use easel_platform::moderation::Subject;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::{InName, JsonBody},
    views::ReportBody,
};

/// Reports somebody to the moderators.
#[utoipa::path(
    post, path = "/api/v1/users/{username}/report", operation_id = "report_user", tag = "gallery", request_body = ReportBody,
    params(("username" = String, Path, description = "What they are called")),
    responses((status = 204, description = "It is noted")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InName(username): InName,
    JsonBody(body): JsonBody<ReportBody>,
) -> Result<StatusCode, ApiError> {
    let report = state.platform.moderation.report(&caller.user.id, Subject::User(&username), body.category(), body.note());
    report.await?;
    Ok(StatusCode::NO_CONTENT)
}
