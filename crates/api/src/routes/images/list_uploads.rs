//! `GET /api/v1/images/uploads`: what somebody sent, newest first. It is kept for a week.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    views::UploadView,
};

/// What you sent, newest first. It is kept for a week.
#[utoipa::path(
    get, path = "/api/v1/images/uploads", operation_id = "list_uploads", tag = "images",
    responses((status = 200, description = "The pictures", body = Vec<UploadView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
) -> Result<Json<Vec<UploadView>>, ApiError> {
    let uploads = state.platform.images.uploads(&caller.user.id).await?;
    Ok(Json(uploads.into_iter().map(UploadView::from).collect()))
}
