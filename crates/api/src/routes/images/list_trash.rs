//! `GET /api/v1/images/trash`: a page of one's trash, last thrown away first.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InQuery,
    views::{ImageView, PageView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TrashQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// A page of one's trash, last thrown away first.
#[utoipa::path(
    get, path = "/api/v1/images/trash", operation_id = "list_trash", tag = "images",
    params(TrashQuery),
    responses((status = 200, description = "The page", body = PageView<ImageView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
    InQuery(query): InQuery<TrashQuery>,
) -> Result<Json<PageView<ImageView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let page = state.platform.gallery.trash(&caller.user.id, query.cursor.as_deref(), limit).await?;
    Ok(Json(PageView::from_page(page)))
}
