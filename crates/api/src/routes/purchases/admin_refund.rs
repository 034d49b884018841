//! `POST /api/v1/admin/purchases/{id}/refund`: says that an order was paid back. What is left of its credits goes, never more; a plan ends at once.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{AdjustsCredits, As},
    extract::InPath,
    views::PurchaseView,
};

/// Says that an order was paid back.
#[utoipa::path(
    post, path = "/api/v1/admin/purchases/{id}/refund", operation_id = "mark_purchase_refunded", tag = "admin",
    params(("id" = String, Path, description = "Which order")),
    responses((status = 200, description = "The order as it is now", body = PurchaseView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<AdjustsCredits>,
    InPath(id): InPath<String>,
) -> Result<Json<PurchaseView>, ApiError> {
    Ok(Json(state.payments()?.refunded(&caller.actor(), &id).await?.into()))
}
