//! `DELETE /api/v1/images/{id}/public`: shows a picture to nobody else any longer.

use axum::{extract::State, http::StatusCode};
use easel_platform::gallery::Action;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::InName,
};

/// Shows a picture to nobody else any longer.
#[utoipa::path(
    delete, path = "/api/v1/images/{id}/public", operation_id = "withdraw_image", tag = "gallery",
    params(("id" = String, Path, description = "The picture")),
    responses((status = 204, description = "It is so now")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InName(id): InName,
) -> Result<StatusCode, ApiError> {
    state.platform.gallery.apply_to(&caller.user.id, &id, &Action::Withdraw).await?;
    Ok(StatusCode::NO_CONTENT)
}
