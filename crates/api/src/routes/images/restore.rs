//! `POST /api/v1/images/{id}/restore`: takes a picture out of the trash.

use axum::{extract::State, http::StatusCode};
use easel_platform::gallery::Action;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::InName,
};

/// Takes a picture out of the trash.
#[utoipa::path(
    post, path = "/api/v1/images/{id}/restore", operation_id = "restore_image", tag = "images",
    params(("id" = String, Path, description = "The picture")),
    responses((status = 204, description = "It is so now")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InName(id): InName,
) -> Result<StatusCode, ApiError> {
    state.platform.gallery.apply_to(&caller.user.id, &id, &Action::Restore).await?;
    Ok(StatusCode::NO_CONTENT)
}
