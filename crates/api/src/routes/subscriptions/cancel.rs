//! `POST /api/v1/subscriptions/cancel`: ends the subscription with what is paid for.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    views::SubscriptionView,
};

/// Ends the subscription with what is paid for.
#[utoipa::path(
    post, path = "/api/v1/subscriptions/cancel", operation_id = "cancel_subscription", tag = "credits",
    responses((status = 200, description = "The subscription as it is now", body = SubscriptionView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<Json<SubscriptionView>, ApiError> {
    let (actor, user_id) = (caller.actor(), &caller.user.id);
    let changed = match &state.services.payments {
        Some(payments) => payments.set_cancelled(&actor, user_id, true).await?,
        None => state.platform.subscriptions.set_cancelled(&actor, user_id, true).await?,
    };
    Ok(Json(changed.into()))
}
