//! `POST /api/v1/webhooks`: a new endpoint.

use axum::{Json, extract::State, http::StatusCode};

use super::words::WebhookBody;
use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
    views::WebhookSecretView,
};

/// A new endpoint, whose secret is shown this once.
#[utoipa::path(
    post, path = "/api/v1/webhooks", operation_id = "create_webhook", tag = "webhooks", request_body = WebhookBody,
    responses((status = 201, description = "The endpoint and its secret", body = WebhookSecretView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<WebhookBody>,
) -> Result<(StatusCode, Json<WebhookSecretView>), ApiError> {
    let topics = body.topics();
    let shown = state.webhooks()?.create(&caller.actor(), body.words(&topics)).await?;
    Ok((StatusCode::CREATED, Json(shown.into())))
}
