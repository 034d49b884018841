//! `GET /api/v1/albums/{id}`: one of one's albums.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InName,
    views::AlbumView,
};

/// One of one's albums.
#[utoipa::path(
    get, path = "/api/v1/albums/{id}", operation_id = "get_album", tag = "images",
    params(("id" = String, Path, description = "The album")),
    responses((status = 200, description = "The album", body = AlbumView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
    InName(id): InName,
) -> Result<Json<AlbumView>, ApiError> {
    let album = state.platform.gallery.album(&caller.user.id, &id).await?;
    Ok(Json(AlbumView::of(album, None)))
}
