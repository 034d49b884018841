//! `POST /api/v1/webhooks/{id}/test`: an event that means nothing.

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InPath,
    views::DeliveryView,
};

/// Sends an event that means nothing there. Its delivery tells what came of it.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/test", operation_id = "test_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint")),
    responses((status = 202, description = "On its way", body = DeliveryView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    let delivery = state.webhooks()?.test(&caller.user.id, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}
