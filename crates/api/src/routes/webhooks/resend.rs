//! `POST /api/v1/webhooks/{id}/deliveries/{delivery}/resend`: sends one again.

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InPath,
    views::DeliveryView,
};

/// Sends one again that arrived or was given up, under the id it had.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/deliveries/{delivery}/resend", operation_id = "resend_webhook_delivery", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint"), ("delivery" = String, Path, description = "The delivery")),
    responses((status = 202, description = "On its way", body = DeliveryView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath((id, delivery)): InPath<(String, String)>,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    let delivery = state.webhooks()?.resend(&caller.user.id, &id, &delivery).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}
