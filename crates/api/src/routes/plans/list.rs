//! `GET /api/v1/subscriptions/plans`: the plans, for everybody to see.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header::CACHE_CONTROL},
};
use easel_platform::plans::{Interval, Plan};
use serde::Serialize;
use utoipa::ToSchema;

use crate::AppState;

/// They change when the server starts anew, and everybody sees the same.
const CACHING: &str = "public, max-age=60";

/// A plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanView {
    /// Its name.
    name: String,
    /// How it is called.
    title: String,
    /// A month's price in the currency's hundredths; null is by arrangement, or nothing.
    price_cents: Option<i64>,
    /// A year's price.
    price_cents_year: Option<i64>,
    /// What prices are in: three small letters.
    currency: String,
    /// Whole credits on registration.
    signup_credits: i64,
    /// Whole credits each day.
    daily_credits: i64,
    /// Whole credits each month.
    monthly_credits: i64,
    /// What is used is counted and not charged.
    unlimited_credits: bool,
    /// Pictures a day.
    images_daily_max: Option<i64>,
    /// Bytes of stored pictures.
    storage_bytes_max: Option<i64>,
    /// Higher goes first.
    priority: i64,
    /// Pictures carry a visible mark.
    watermark: bool,
    /// Which models.
    #[schema(value_type = String, example = "basic")]
    model_tier: &'static str,
    /// API keys.
    api_access: bool,
    /// Commercial use.
    commercial_licence: bool,
    /// What help is promised.
    support: String,
    /// Being there is promised.
    sla: bool,
    /// The server may be shown under a name of one's own.
    white_label: bool,
}

impl PlanView {
    /// As everybody sees it.
    pub(crate) fn of(plan: &Plan, currency: &str) -> Self {
        let plan = plan.clone();
        Self {
            price_cents_year: plan.price(Interval::Year),
            currency: currency.to_owned(),
            name: plan.name,
            title: plan.title,
            price_cents: plan.price_cents,
            signup_credits: plan.signup_credits,
            daily_credits: plan.daily_credits,
            monthly_credits: plan.monthly_credits,
            unlimited_credits: plan.unlimited_credits,
            images_daily_max: plan.images_daily_max,
            storage_bytes_max: plan.storage_bytes_max,
            priority: plan.priority,
            watermark: plan.watermark,
            model_tier: plan.model_tier.name(),
            api_access: plan.api_access,
            commercial_licence: plan.commercial_licence,
            support: plan.support,
            sla: plan.sla,
            white_label: plan.white_label,
        }
    }
}

/// The plans.
#[utoipa::path(
    get, path = "/api/v1/subscriptions/plans", operation_id = "list_plans", tag = "credits",
    responses((status = 200, description = "The plans, the first is what people begin with", body = Vec<PlanView>))
)]
pub(crate) async fn handler(State(state): State<AppState>) -> ([(HeaderName, &'static str); 1], Json<Vec<PlanView>>) {
    let catalogue = &state.platform.catalogue;
    let signup_credits =
        |plan: &Plan| if plan.name == catalogue.first().name { catalogue.signup_credits() } else { plan.signup_credits };
    let view = |plan| PlanView { signup_credits: signup_credits(plan), ..PlanView::of(plan, catalogue.currency()) };
    let plans = catalogue.plans().iter().map(view).collect();
    ([(CACHE_CONTROL, CACHING)], Json(plans))
}
