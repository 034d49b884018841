//! `POST /api/v1/admin/purchases/{id}/paid`: says that an order was paid: by an invoice, or otherwise than the payment service tells. Saying so again changes nothing.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{AdjustsCredits, As},
    extract::InPath,
    views::PurchaseView,
};

/// Says that an order was paid.
#[utoipa::path(
    post, path = "/api/v1/admin/purchases/{id}/paid", operation_id = "mark_purchase_paid", tag = "admin",
    params(("id" = String, Path, description = "Which order")),
    responses((status = 200, description = "The order as it is now", body = PurchaseView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<AdjustsCredits>,
    InPath(id): InPath<String>,
) -> Result<Json<PurchaseView>, ApiError> {
    Ok(Json(state.payments()?.mark_paid(&caller.actor(), &id).await?.into()))
}
