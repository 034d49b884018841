//! `GET /api/v1/users/me/stats`: what somebody used, by day.

use axum::{Json, extract::State};
use easel_platform::records::Usage;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsAccount},
    extract::InQuery,
    views::{CreditAmount, read_day, shown_day},
};

/// Days shown where nobody says.
const DAYS: i64 = 30;

/// Which days.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsQuery {
    /// The first day, such as `2026-11-01`; without it thirty days before the last.
    from: Option<String>,
    /// The last day; without it, today.
    to: Option<String>,
}

/// One day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DayView {
    /// In UTC.
    #[schema(format = Date)]
    day: String,
    /// Jobs completed.
    jobs: i64,
    /// Pictures stored.
    images: i64,
    /// Spent, or counted where nothing is charged.
    credits: CreditAmount,
    /// Bytes stored.
    bytes: i64,
    /// Milliseconds on a device.
    gpu_ms: i64,
}

impl From<Usage> for DayView {
    fn from(usage: Usage) -> Self {
        let Usage { day, jobs, images, credits, bytes, gpu_ms, .. } = usage;
        Self { day: shown_day(day), jobs, images, credits: credits.into(), bytes, gpu_ms }
    }
}

/// What you used, by day.
#[utoipa::path(
    get, path = "/api/v1/users/me/stats", operation_id = "my_stats", tag = "users", params(StatsQuery),
    responses((status = 200, description = "Days on which something was used", body = Vec<DayView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["account:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsAccount>,
    InQuery(query): InQuery<StatsQuery>,
) -> Result<Json<Vec<DayView>>, ApiError> {
    let today = state.platform.context.now().day();
    let to = query.to.as_deref().map(|day| read_day("to", day)).transpose()?.unwrap_or(today);
    let from = query.from.as_deref().map(|day| read_day("from", day)).transpose()?.unwrap_or(to - DAYS);
    let days = state.platform.accounts.usage(&caller.user.id, from, to).await?;
    Ok(Json(days.into_iter().map(DayView::from).collect()))
}
