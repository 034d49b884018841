//! `GET /api/v1/albums/{id}/images`: a page of an album's pictures in their order.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::{InName, InQuery},
    views::{ImageView, PageView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AlbumImagesQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// A page of an album's pictures in their order.
#[utoipa::path(
    get, path = "/api/v1/albums/{id}/images", operation_id = "list_album_images", tag = "images",
    params(AlbumImagesQuery, ("id" = String, Path, description = "The album")),
    responses((status = 200, description = "The page", body = PageView<ImageView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
    InName(id): InName,
    InQuery(query): InQuery<AlbumImagesQuery>,
) -> Result<Json<PageView<ImageView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let page = state.platform.gallery.album_pictures(&caller.user.id, &id, query.cursor.as_deref(), limit).await?;
    Ok(Json(PageView::from_page(page.map(|placed| placed.image))))
}
