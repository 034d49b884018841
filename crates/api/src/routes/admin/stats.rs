//! `GET /api/v1/admin/stats`: sums over everybody.

use axum::{Json, extract::State};
use easel_platform::records::Everybody;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsServer},
    views::{CreditAmount, shown_day},
};

/// One day of everybody.
#[derive(Serialize, ToSchema)]
pub(crate) struct EverybodysDayView {
    /// In UTC.
    #[schema(format = Date)]
    day: String,
    /// People who used something.
    users: i64,
    /// Jobs completed.
    jobs: i64,
    /// Pictures stored.
    images: i64,
    /// Spent, or counted where nothing is charged.
    credits: CreditAmount,
    /// Bytes stored.
    bytes: i64,
    /// Milliseconds on devices.
    gpu_ms: i64,
    /// Paid to external providers for jobs that were finished, in millionths of a US dollar.
    provider_cost_micros: i64,
}

impl From<Everybody> for EverybodysDayView {
    fn from(Everybody { users, usage }: Everybody) -> Self {
        Self {
            day: shown_day(usage.day),
            users,
            jobs: usage.jobs,
            images: usage.images,
            credits: usage.credits.into(),
            bytes: usage.bytes,
            gpu_ms: usage.gpu_ms,
            provider_cost_micros: usage.provider_cost_micros,
        }
    }
}

/// Sums over everybody.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotalsView {
    /// People.
    users: i64,
    /// Jobs that wait.
    jobs_queued: i64,
    /// Jobs that are being done.
    jobs_processing: i64,
    /// Requests that wait for this node's devices.
    node_queued: usize,
    /// Pictures being drawn on this node's devices.
    node_active: usize,
    /// Seconds of work that this node's devices have accepted.
    node_backlog_seconds: f64,
    /// The last thirty days on which something was used, in order.
    days: Vec<EverybodysDayView>,
}

/// Sums over everybody.
#[utoipa::path(
    get, path = "/api/v1/admin/stats", operation_id = "show_stats", tag = "admin",
    responses((status = 200, description = "The sums", body = TotalsView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<ReadsServer>) -> Result<Json<TotalsView>, ApiError> {
    let totals = state.platform.overview.totals().await?;
    let engine = state.engine.status();
    Ok(Json(TotalsView {
        users: totals.users,
        jobs_queued: totals.jobs_queued,
        jobs_processing: totals.jobs_processing,
        node_queued: engine.queued,
        node_active: engine.active,
        node_backlog_seconds: engine.backlog.as_secs_f64(),
        days: totals.days.into_iter().map(EverybodysDayView::from).collect(),
    }))
}
