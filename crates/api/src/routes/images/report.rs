//! `POST /api/v1/images/{id}/report`: reports a public picture to the moderators.

use axum::{extract::State, http::StatusCode};
use easel_platform::moderation::Subject;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::{InName, JsonBody},
    views::ReportBody,
};

/// Reports a public picture to the moderators.
#[utoipa::path(
    post, path = "/api/v1/images/{id}/report", operation_id = "report_image", tag = "gallery", request_body = ReportBody,
    params(("id" = String, Path, description = "The picture")),
    responses((status = 204, description = "It is noted")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InName(id): InName,
    JsonBody(body): JsonBody<ReportBody>,
) -> Result<StatusCode, ApiError> {
    let report = state.platform.moderation.report(&caller.user.id, Subject::Image(&id), body.category(), body.note());
    report.await?;
    Ok(StatusCode::NO_CONTENT)
}
