//! `GET /api/v1/users/me/cases`: a page of what was decided about one's own, newest first.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InQuery,
    views::{OwnCaseView, PageView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OwnCasesQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// A page of what was decided about one's own, newest first.
#[utoipa::path(
    get, path = "/api/v1/users/me/cases", operation_id = "my_cases", tag = "gallery",
    params(OwnCasesQuery),
    responses((status = 200, description = "The page", body = PageView<OwnCaseView>)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InQuery(query): InQuery<OwnCasesQuery>,
) -> Result<Json<PageView<OwnCaseView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let page = state.platform.moderation.own_cases(&caller.user.id, query.cursor.as_deref(), limit).await?;
    Ok(Json(PageView::from_page(page)))
}
