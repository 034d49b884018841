//! `GET /api/v1/credits/history`: somebody's bookings, newest first.

use axum::{Json, extract::State};
use easel_platform::records::Page;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsAccount},
    extract::InQuery,
    views::{Cursor, PageView, TransferView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Your bookings, newest first.
#[utoipa::path(
    get, path = "/api/v1/credits/history", operation_id = "credit_history", tag = "credits", params(HistoryQuery),
    responses((status = 200, description = "The bookings", body = PageView<TransferView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["account:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsAccount>,
    InQuery(query): InQuery<HistoryQuery>,
) -> Result<Json<PageView<TransferView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let page = Page { before: query.cursor.map(|Cursor(time, id)| (time, id)), limit: limit + 1 };
    let transfers = state.platform.desk.history(&caller.user.id, &page).await?;
    Ok(Json(PageView::of(transfers, limit, |transfer| Cursor(transfer.created_at, transfer.id.clone()))))
}
