//! `PATCH /api/v1/albums/{id}`: another title or cover for an album.

use axum::{Json, extract::State};
use easel_platform::gallery::Cover;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::{InName, JsonBody},
    views::AlbumView,
};

/// What is to be different; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeAlbumBody {
    /// What it is called.
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
    /// The picture that stands for it, out of its own; none, if it is empty.
    cover_image_id: Option<String>,
}

/// Another title or cover for an album.
#[utoipa::path(
    patch, path = "/api/v1/albums/{id}", operation_id = "change_album", tag = "images", request_body = ChangeAlbumBody,
    params(("id" = String, Path, description = "The album")),
    responses((status = 200, description = "The album as it is now", body = AlbumView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InName(id): InName,
    JsonBody(body): JsonBody<ChangeAlbumBody>,
) -> Result<Json<AlbumView>, ApiError> {
    let gallery = &state.platform.gallery;
    if let Some(title) = &body.title {
        gallery.rename_album(&caller.user.id, &id, title).await?;
    }
    if let Some(cover) = &body.cover_image_id {
        let cover = if cover.is_empty() { Cover::None } else { Cover::Image(cover) };
        gallery.set_cover(&caller.user.id, &id, cover).await?;
    }
    let album = gallery.album(&caller.user.id, &id).await?;
    Ok(Json(AlbumView::of(album, None)))
}
