//! `GET /api/v1/users/me/likes`: a page of the pictures one likes, last liked first.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InQuery,
    views::{PageView, PublicImageView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LikesQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// A page of the pictures one likes, last liked first.
#[utoipa::path(
    get, path = "/api/v1/users/me/likes", operation_id = "my_likes", tag = "gallery",
    params(LikesQuery),
    responses((status = 200, description = "The page", body = PageView<PublicImageView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
    InQuery(query): InQuery<LikesQuery>,
) -> Result<Json<PageView<PublicImageView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let page = state.platform.social.liked(&caller.user.id, query.cursor.as_deref(), limit).await?;
    Ok(Json(PageView::from_page(page.map(|image| PublicImageView::from(image).through(state.cdn())))))
}
