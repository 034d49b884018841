//! `GET /api/v1/users/me/followers`: a page of the people who follow one, last first.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsAccount},
    extract::InQuery,
    views::{FollowView, PageView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FollowersQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// A page of the people who follow one, last first.
#[utoipa::path(
    get, path = "/api/v1/users/me/followers", operation_id = "my_followers", tag = "gallery",
    params(FollowersQuery),
    responses((status = 200, description = "The page", body = PageView<FollowView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["account:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsAccount>,
    InQuery(query): InQuery<FollowersQuery>,
) -> Result<Json<PageView<FollowView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let page = state.platform.social.followers(&caller.user.id, query.cursor.as_deref(), limit).await?;
    Ok(Json(PageView::from_page(page)))
}
