//! `GET /api/v1/webhooks/{id}`: one endpoint.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InPath,
    views::WebhookView,
};

/// One endpoint.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}", operation_id = "get_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint")),
    responses((status = 200, description = "The endpoint", body = WebhookView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
) -> Result<Json<WebhookView>, ApiError> {
    Ok(Json(state.webhooks()?.get(&caller.user.id, &id).await?.into()))
}
