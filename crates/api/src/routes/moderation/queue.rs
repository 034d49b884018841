//! `GET /api/v1/admin/moderation`: a page of what waits for a moderator, the most urgent first.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, Moderates},
    extract::InQuery,
    views::{CaseView, PageView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueueQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// A page of what waits for a moderator, the most urgent first.
#[utoipa::path(
    get, path = "/api/v1/admin/moderation", operation_id = "list_cases", tag = "admin",
    params(QueueQuery),
    responses((status = 200, description = "The page", body = PageView<CaseView>)),
    security(("session" = ["moderator"]), ("cookie" = ["moderator"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Moderates>,
    InQuery(query): InQuery<QueueQuery>,
) -> Result<Json<PageView<CaseView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let page = state.platform.moderation.queue(&caller.actor(), query.cursor.as_deref(), limit).await?;
    Ok(Json(PageView::from_page(page)))
}
