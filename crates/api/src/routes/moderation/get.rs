//! `GET /api/v1/admin/moderation/{id}`: a case and its reports.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, Moderates},
    extract::InName,
    views::CaseDetailView,
};

/// A case and its reports.
#[utoipa::path(
    get, path = "/api/v1/admin/moderation/{id}", operation_id = "get_case", tag = "admin",
    params(("id" = String, Path, description = "The case")),
    responses((status = 200, description = "The case", body = CaseDetailView)),
    security(("session" = ["moderator"]), ("cookie" = ["moderator"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Moderates>,
    InName(id): InName,
) -> Result<Json<CaseDetailView>, ApiError> {
    let (case, reports) = state.platform.moderation.case(&caller.actor(), &id).await?;
    Ok(Json(CaseDetailView::of(case, reports)))
}
