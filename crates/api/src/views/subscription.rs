//! A subscription, as whose it is sees it.

use easel_platform::records::Subscription;
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_time;

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubscriptionView {
    /// Its id.
    id: String,
    /// What is paid for.
    plan: String,
    /// What will be from the next period on, if something else.
    next_plan: Option<String>,
    /// `active`, `past_due`, `cancelled` or `expired`.
    state: String,
    /// It is not renewed.
    cancel_at_period_end: bool,
    /// What is paid for began then,
    #[schema(format = DateTime)]
    period_starts_at: String,
    /// and ends then.
    #[schema(format = DateTime)]
    period_ends_at: String,
}

impl From<Subscription> for SubscriptionView {
    fn from(subscription: Subscription) -> Self {
        Self {
            id: subscription.id,
            plan: subscription.plan,
            next_plan: subscription.next_plan,
            state: subscription.state,
            cancel_at_period_end: subscription.cancel_at_period_end,
            period_starts_at: shown_time(subscription.period_starts_at),
            period_ends_at: shown_time(subscription.period_ends_at),
        }
    }
}
