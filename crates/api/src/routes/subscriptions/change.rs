//! `POST /api/v1/subscriptions/change`: another plan: a dearer one at once, where it need not be ordered, a cheaper one with the next period.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
    views::SubscriptionView,
};

/// Which plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePlanBody {
    /// Its name.
    #[schema(example = "pro")]
    plan: String,
}

/// Another plan: a dearer one at once, a cheaper one with the next period.
#[utoipa::path(
    post, path = "/api/v1/subscriptions/change", operation_id = "change_subscription", tag = "credits", request_body = ChangePlanBody,
    responses((status = 200, description = "The subscription as it is now", body = SubscriptionView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<ChangePlanBody>,
) -> Result<Json<SubscriptionView>, ApiError> {
    let (actor, user_id) = (caller.actor(), caller.user.id.as_str());
    let changed = match &state.services.payments {
        Some(payments) => payments.change_plan(&actor, user_id, &body.plan).await?,
        None => state.platform.subscriptions.change_plan(&actor, user_id, &body.plan).await?,
    };
    Ok(Json(changed.into()))
}
