//! `GET /api/v1/users/me/subscription`: which plan somebody has, until when, and what they pay for it.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsAccount},
    routes::plans::list::PlanView,
    views::{SubscriptionView, shown_time},
};

/// Somebody's plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct CurrentView {
    /// What it includes.
    plan: PlanView,
    /// When it falls back to the first one; null is never.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
    /// What is paid for, if anything is.
    subscription: Option<SubscriptionView>,
}

/// Which plan you have, until when, and what you pay for it.
#[utoipa::path(
    get, path = "/api/v1/users/me/subscription", operation_id = "current_subscription", tag = "users",
    responses((status = 200, description = "Your plan", body = CurrentView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["account:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsAccount>,
) -> Result<Json<CurrentView>, ApiError> {
    let (platform, user) = (&state.platform, &caller.user);
    let plan = platform.catalogue.of(user, platform.context.now());
    let live = platform.subscriptions.live_of(&user.id).await?;
    Ok(Json(CurrentView {
        ends_at: user.plan_ends_at.filter(|_| user.plan == plan.name).map(shown_time),
        plan: PlanView::of(plan, platform.catalogue.currency()),
        subscription: live.map(SubscriptionView::from),
    }))
}
