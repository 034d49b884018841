//! `PUT /api/v1/webhooks/{id}`: another address, note or choice of events.

use axum::{Json, extract::State};

use super::words::WebhookBody;
use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::{InPath, JsonBody},
    views::WebhookView,
};

/// Another address, note or choice of events.
#[utoipa::path(
    put, path = "/api/v1/webhooks/{id}", operation_id = "change_webhook", tag = "webhooks", request_body = WebhookBody,
    params(("id" = String, Path, description = "The endpoint")),
    responses((status = 200, description = "The endpoint", body = WebhookView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
    JsonBody(body): JsonBody<WebhookBody>,
) -> Result<Json<WebhookView>, ApiError> {
    let topics = body.topics();
    Ok(Json(state.webhooks()?.change(&caller.actor(), &id, body.words(&topics)).await?.into()))
}
