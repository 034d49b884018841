//! `GET /api/v1/credits/purchases`: what somebody has ordered, newest first.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsAccount},
    extract::InQuery,
    views::{Cursor, PageView, PurchaseView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PurchasesQuery {
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// What you have ordered, newest first.
#[utoipa::path(
    get, path = "/api/v1/credits/purchases", operation_id = "list_purchases", tag = "credits", params(PurchasesQuery),
    responses((status = 200, description = "The orders", body = PageView<PurchaseView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["account:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsAccount>,
    InQuery(query): InQuery<PurchasesQuery>,
) -> Result<Json<PageView<PurchaseView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let before = query.cursor.as_ref().map(Cursor::as_place);
    let purchases = state.payments()?.of(&caller.user.id, before, limit + 1).await?;
    Ok(Json(PageView::of(purchases, limit, |row| Cursor(row.created_at, row.id.clone()))))
}
