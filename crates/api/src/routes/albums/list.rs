//! `GET /api/v1/albums`: one's albums in their order.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    views::AlbumView,
};

/// One's albums in their order.
#[utoipa::path(
    get, path = "/api/v1/albums", operation_id = "list_albums", tag = "images",
    responses((status = 200, description = "All of them", body = Vec<AlbumView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
) -> Result<Json<Vec<AlbumView>>, ApiError> {
    let albums = state.platform.gallery.albums(&caller.user.id).await?;
    Ok(Json(albums.into_iter().map(|(album, size)| AlbumView::of(album, Some(size))).collect()))
}
