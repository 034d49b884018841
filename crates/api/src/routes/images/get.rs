//! `GET /api/v1/images/{id}`: one of somebody's pictures.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InPath,
    views::ImageView,
};

/// One of your pictures.
#[utoipa::path(
    get, path = "/api/v1/images/{id}", operation_id = "get_image", tag = "images",
    params(("id" = String, Path, description = "The picture")),
    responses((status = 200, description = "The picture", body = ImageView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
    InPath(id): InPath<String>,
) -> Result<Json<ImageView>, ApiError> {
    Ok(Json(state.platform.images.get(&caller.user.id, &id).await?.into()))
}
