//! `GET /api/v1/admin/providers`: the external image services, their breakers, and what was spent.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use easel_platform::{fallback::Standing, records::Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsServer},
    views::shown_time,
};

/// An account with an external image service. Breaker, latency and failures are those of the node that answers; what is spent is everybody's.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderStandingView {
    /// Its name.
    #[schema(example = "fal")]
    name: String,
    /// The service.
    #[schema(example = "fal")]
    kind: &'static str,
    /// Where its answers are made, if that is known.
    region: Option<String>,
    /// Its models.
    models: Vec<String>,
    /// `closed`, `open`, `half_open`, or `locked` until somebody closes it.
    #[schema(example = "closed")]
    breaker: &'static str,
    /// When trials begin, if it is open.
    #[schema(format = DateTime)]
    open_until: Option<String>,
    /// Attempts that gave pictures.
    succeeded: u64,
    /// Attempts that did not, by class of failure.
    failed: BTreeMap<&'static str, u64>,
    /// Attempts, by why they were not made here.
    fallbacks: BTreeMap<&'static str, u64>,
    /// Seconds from submission to pictures, on average; null before the first.
    latency_seconds: Option<f64>,
    /// Today (UTC).
    day: SpendView,
    /// This month (UTC).
    month: SpendView,
}

/// Spent, and what may be.
#[derive(Serialize, ToSchema)]
pub(crate) struct SpendView {
    /// Millionths of a US dollar.
    spent_micros: u64,
    /// Millionths of a US dollar.
    budget_micros: u64,
}

impl From<Standing> for ProviderStandingView {
    fn from(standing: Standing) -> Self {
        let count = standing.latency_count;
        Self {
            name: standing.provider,
            kind: standing.kind,
            region: standing.region,
            models: standing.models,
            breaker: standing.breaker,
            open_until: standing.open_until.map(|at| shown_time(Timestamp(at))),
            succeeded: standing.succeeded,
            failed: standing.failed.into_iter().collect(),
            fallbacks: standing.fallbacks.into_iter().collect(),
            latency_seconds: (count > 0).then(|| standing.latency_seconds / count as f64),
            day: SpendView { spent_micros: standing.day.0.0, budget_micros: standing.day.1.0 },
            month: SpendView { spent_micros: standing.month.0.0, budget_micros: standing.month.1.0 },
        }
    }
}

/// The external image services.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderStandingsView {
    /// Whether anything is sent to any of them.
    enabled: bool,
    /// In the order in which they are tried.
    data: Vec<ProviderStandingView>,
}

/// The external image services, in the order in which they are tried.
#[utoipa::path(
    get, path = "/api/v1/admin/providers", operation_id = "list_providers", tag = "admin",
    responses((status = 200, description = "The providers", body = ProviderStandingsView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<ReadsServer>) -> Result<Json<ProviderStandingsView>, ApiError> {
    let fallback = state.fallback()?;
    let data = fallback.standings().await?.into_iter().map(ProviderStandingView::from).collect();
    Ok(Json(ProviderStandingsView { enabled: fallback.is_on(), data }))
}
