//! `GET /api/v1/admin/findings`: a page of what filters and moderators found, newest first; never the texts.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, Moderates},
    extract::InQuery,
    views::{FoundView, PageView, page_size},
};

/// About whom, and which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FindingsQuery {
    /// About this person.
    user_id: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// A page of what filters and moderators found, newest first; never the texts.
#[utoipa::path(
    get, path = "/api/v1/admin/findings", operation_id = "list_findings", tag = "admin",
    params(FindingsQuery),
    responses((status = 200, description = "The page", body = PageView<FoundView>)),
    security(("session" = ["moderator"]), ("cookie" = ["moderator"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Moderates>,
    InQuery(query): InQuery<FindingsQuery>,
) -> Result<Json<PageView<FoundView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let actor = caller.actor();
    let page = state.platform.moderation.findings(&actor, query.user_id.as_deref(), query.cursor.as_deref(), limit).await?;
    Ok(Json(PageView::from_page(page)))
}
