//! `POST /api/v1/webhooks/{id}/enable`: sends there again.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InPath,
    views::WebhookView,
};

/// Sends there again, as if nothing had failed.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/enable", operation_id = "enable_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint")),
    responses((status = 200, description = "The endpoint", body = WebhookView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
) -> Result<Json<WebhookView>, ApiError> {
    Ok(Json(state.webhooks()?.set_enabled(&caller.actor(), &id, true).await?.into()))
}
