//! `GET /api/v1/subscriptions`: one's subscriptions, newest first.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsAccount},
    views::SubscriptionView,
};

/// One's subscriptions, newest first.
#[utoipa::path(
    get, path = "/api/v1/subscriptions", operation_id = "list_subscriptions", tag = "credits",
    responses((status = 200, description = "All of them", body = Vec<SubscriptionView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["account:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsAccount>,
) -> Result<Json<Vec<SubscriptionView>>, ApiError> {
    let subscriptions = state.platform.subscriptions.of(&caller.user.id).await?;
    Ok(Json(subscriptions.into_iter().map(SubscriptionView::from).collect()))
}
