//! `GET /api/v1/images/{id}`: one of one's pictures.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InName,
    views::ImageView,
};

/// One of one's pictures.
#[utoipa::path(
    get, path = "/api/v1/images/{id}", operation_id = "get_image", tag = "images",
    params(("id" = String, Path, description = "The picture")),
    responses((status = 200, description = "The picture, with its tags", body = ImageView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
    InName(id): InName,
) -> Result<Json<ImageView>, ApiError> {
    let image = state.platform.gallery.get(&caller.user.id, &id).await?;
    let tags = state.platform.gallery.tags_of(&caller.user.id, &id).await?;
    Ok(Json(ImageView::with_tags(image, tags)))
}
