//! `PUT /api/v1/albums/{id}/images/{image_id}`: puts a picture into an album.

use axum::{extract::State, http::StatusCode};
use easel_platform::gallery::Action;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::InNames,
};

/// Puts a picture into an album.
#[utoipa::path(
    put, path = "/api/v1/albums/{id}/images/{image_id}", operation_id = "add_album_image", tag = "images",
    params(("id" = String, Path, description = "The album"), ("image_id" = String, Path, description = "The picture")),
    responses((status = 204, description = "It is so now")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InNames([id, image_id]): InNames<2>,
) -> Result<StatusCode, ApiError> {
    state.platform.gallery.apply_to(&caller.user.id, &image_id, &Action::AddToAlbum(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
