//! `POST /api/v1/admin/moderation`: opens a case without a report.

use axum::{Json, extract::State, http::StatusCode};
use easel_platform::moderation::Subject;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, Moderates},
    extract::JsonBody,
    views::CaseDetailView,
    views::CategoryField,
};

/// What a case is about.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TargetKind {
    /// A public picture.
    Image,
    /// A comment.
    Comment,
    /// Somebody.
    User,
}

/// What is to be judged, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenCaseBody {
    /// What it is.
    target_kind: TargetKind,
    /// Its id; somebody's name.
    target: String,
    /// What is wrong with it.
    #[schema(value_type = String, example = "spam")]
    category: CategoryField,
}

/// Opens a case without a report.
#[utoipa::path(
    post, path = "/api/v1/admin/moderation", operation_id = "open_case", tag = "admin", request_body = OpenCaseBody,
    responses((status = 201, description = "The case", body = CaseDetailView)),
    security(("session" = ["moderator"]), ("cookie" = ["moderator"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Moderates>,
    JsonBody(body): JsonBody<OpenCaseBody>,
) -> Result<(StatusCode, Json<CaseDetailView>), ApiError> {
    let subject = match body.target_kind {
        TargetKind::Image => Subject::Image(&body.target),
        TargetKind::Comment => Subject::Comment(&body.target),
        TargetKind::User => Subject::User(&body.target),
    };
    let id = state.platform.moderation.open(&caller.actor(), subject, body.category.0).await?;
    let (case, reports) = state.platform.moderation.case(&caller.actor(), &id).await?;
    Ok((StatusCode::CREATED, Json(CaseDetailView::of(case, reports))))
}
