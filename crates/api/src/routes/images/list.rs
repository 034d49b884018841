//! `GET /api/v1/images`: somebody's pictures, newest first.

use axum::{Json, extract::State};
use easel_platform::images::Wanted;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InQuery,
    views::{Cursor, ImageView, PageView, page_size, read_time},
};

/// Which pictures.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImagesQuery {
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// In the prompt or the title.
    q: Option<String>,
    /// Drawn by this model.
    model: Option<String>,
    /// Favourites alone.
    #[serde(default)]
    #[param(default = false)]
    favourite: bool,
    /// What was thrown away, instead of the rest.
    #[serde(default)]
    #[param(default = false)]
    trashed: bool,
    /// Stored at this time or later.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Stored before this time.
    #[param(format = DateTime)]
    until: Option<String>,
}

/// Your pictures, newest first.
#[utoipa::path(
    get, path = "/api/v1/images", operation_id = "list_images", tag = "images", params(ImagesQuery),
    responses((status = 200, description = "The pictures", body = PageView<ImageView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
    InQuery(query): InQuery<ImagesQuery>,
) -> Result<Json<PageView<ImageView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    if [&query.q, &query.model].into_iter().flatten().any(|text| text.contains('\0') || text.len() > 1000) {
        return Err(ApiError::invalid("q", "invalid_value", "`q` and `model` must be short and without NUL characters"));
    }
    let wanted = Wanted {
        text: query.q.as_deref().filter(|text| !text.is_empty()),
        model: query.model.as_deref(),
        favourites: query.favourite,
        trashed: query.trashed,
        since: query.since.as_deref().map(|time| read_time("since", time)).transpose()?,
        until: query.until.as_deref().map(|time| read_time("until", time)).transpose()?,
        after: query.cursor.as_ref().map(Cursor::as_place),
        limit: limit + 1,
    };
    let images = state.platform.images.list(&caller.user.id, &wanted).await?;
    Ok(Json(PageView::of(images, limit, |image| Cursor(image.created_at, image.id.clone()))))
}
