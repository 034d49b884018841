//! `GET /api/v1/webhooks`: somebody's endpoints.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    views::WebhookView,
};

/// Somebody's endpoints.
#[utoipa::path(
    get, path = "/api/v1/webhooks", operation_id = "list_webhooks", tag = "webhooks",
    responses((status = 200, description = "Oldest first", body = Vec<WebhookView>)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<Json<Vec<WebhookView>>, ApiError> {
    let all = state.webhooks()?.list(&caller.user.id).await?;
    Ok(Json(all.into_iter().map(WebhookView::from).collect()))
}
