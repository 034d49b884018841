//! `GET /api/v1/admin/purchases`: what everybody has ordered, newest first.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    ApiError, AppState,
    auth::{AdjustsCredits, As},
    extract::InQuery,
    views::{Cursor, PageView, PurchaseView, page_size},
};

/// Which orders, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AllPurchasesQuery {
    /// Only those.
    #[param(inline)]
    state: Option<PurchaseState>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// What became of an order.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PurchaseState {
    /// It waits to be paid.
    Pending,
    /// It was paid.
    Paid,
    /// It was given up.
    Cancelled,
    /// It was paid back.
    Refunded,
}

impl PurchaseState {
    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }
}

/// What everybody has ordered, newest first.
#[utoipa::path(
    get, path = "/api/v1/admin/purchases", operation_id = "list_all_purchases", tag = "admin", params(AllPurchasesQuery),
    responses((status = 200, description = "The orders", body = PageView<PurchaseView>)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<AdjustsCredits>,
    InQuery(query): InQuery<AllPurchasesQuery>,
) -> Result<Json<PageView<PurchaseView>>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let before = query.cursor.as_ref().map(Cursor::as_place);
    let purchases = state.payments()?.everybodys(query.state.map(PurchaseState::name), before, limit + 1).await?;
    Ok(Json(PageView::of(purchases, limit, |row| Cursor(row.created_at, row.id.clone()))))
}
