//! `POST /api/v1/images/{id}/restore`: out of the trash.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::InPath,
    views::ImageView,
};

/// Takes a picture out of the trash.
#[utoipa::path(
    post, path = "/api/v1/images/{id}/restore", operation_id = "restore_image", tag = "images",
    params(("id" = String, Path, description = "The picture")),
    responses((status = 200, description = "The picture", body = ImageView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InPath(id): InPath<String>,
) -> Result<Json<ImageView>, ApiError> {
    Ok(Json(state.platform.images.restore(&caller.user.id, &id).await?.into()))
}
