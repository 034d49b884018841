//! `POST /api/v1/webhooks/{id}/secret`: a new secret.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InPath,
    views::WebhookSecretView,
};

/// A new secret, shown this once. Events are signed with the old one too for a day.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/secret", operation_id = "rotate_webhook_secret", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint")),
    responses((status = 200, description = "The endpoint and its secret", body = WebhookSecretView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
) -> Result<Json<WebhookSecretView>, ApiError> {
    Ok(Json(state.webhooks()?.rotate_secret(&caller.actor(), &id).await?.into()))
}
