//! `GET /api/v1/images/{id}/comments`: a page of what is said under a public picture, newest first.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::Viewer,
    extract::{InName, InQuery},
    views::{CommentView, PageView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CommentsQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// A page of what is said under a public picture, newest first.
#[utoipa::path(
    get, path = "/api/v1/images/{id}/comments", operation_id = "list_comments", tag = "gallery",
    params(CommentsQuery, ("id" = String, Path, description = "The picture")),
    responses((status = 200, description = "The page", body = PageView<CommentView>)),
    security((), ("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    viewer: Viewer,
    InName(id): InName,
    InQuery(query): InQuery<CommentsQuery>,
) -> Result<Json<PageView<CommentView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let page = state.platform.social.comments(viewer.id(), &id, query.cursor.as_deref(), limit).await?;
    Ok(Json(PageView::from_page(page)))
}
