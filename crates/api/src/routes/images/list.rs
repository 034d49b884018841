//! `GET /api/v1/images`: a page of one's pictures, newest first.

use axum::{Json, extract::State};
use easel_platform::gallery::Search;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InQuery,
    views::{ImageView, PageView, page_size, read_time},
};

/// What is looked for; what is left out does not matter.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImagesQuery {
    /// All of these words, whole, in the prompt or the title.
    q: Option<String>,
    /// Drawn by this model.
    model: Option<String>,
    /// With this sampler.
    sampler: Option<String>,
    /// `text_to_image`, `image_to_image`, …
    mode: Option<String>,
    /// At least this wide.
    width_min: Option<i64>,
    /// At most this wide.
    width_max: Option<i64>,
    /// At least this high.
    height_min: Option<i64>,
    /// At most this high.
    height_max: Option<i64>,
    /// Made at this time or later: `2026-11-28T09:30:00Z`.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Made before this time.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Marked or not.
    favourite: Option<bool>,
    /// Public or not.
    public: Option<bool>,
    /// With this tag.
    tag: Option<String>,
    /// In this album.
    album: Option<String>,
    /// What was thrown away, last thrown away first, instead of the rest; nothing else that is looked for matters then.
    #[serde(default)]
    #[param(default = false)]
    trashed: bool,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// A page of one's pictures, newest first.
#[utoipa::path(
    get, path = "/api/v1/images", operation_id = "list_images", tag = "images",
    params(ImagesQuery),
    responses((status = 200, description = "The page", body = PageView<ImageView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
    InQuery(query): InQuery<ImagesQuery>,
) -> Result<Json<PageView<ImageView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    if query.trashed {
        let page = state.platform.gallery.trash(&caller.user.id, query.cursor.as_deref(), limit).await?;
        return Ok(Json(PageView::from_page(page)));
    }
    let time = |field: &str, text: &Option<String>| text.as_deref().map(|text| read_time(field, text)).transpose();
    let search = Search {
        text: query.q.as_deref(),
        model: query.model.as_deref(),
        sampler: query.sampler.as_deref(),
        mode: query.mode.as_deref(),
        width: (query.width_min, query.width_max),
        height: (query.height_min, query.height_max),
        made: (time("since", &query.since)?, time("until", &query.until)?),
        is_favourite: query.favourite,
        is_public: query.public,
        tag: query.tag.as_deref(),
        album_id: query.album.as_deref(),
        cursor: query.cursor.as_deref(),
    };
    let page = state.platform.gallery.find(&caller.user.id, &search, limit).await?;
    Ok(Json(PageView::from_page(page)))
}
