//! `GET /api/v1/admin/payments/comparisons`: what the payment service's books say against ours, day by day, newest first.

use axum::{Json, extract::State};
use easel_platform::records::Comparison;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    ApiError, AppState,
    auth::{AdjustsCredits, As},
    extract::InQuery,
    views::{page_size, shown_day, shown_time},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ComparisonsQuery {
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<i64>,
}

/// A day's comparison.
#[derive(Serialize, ToSchema)]
pub(crate) struct ComparisonView {
    /// The day (UTC).
    #[schema(format = Date)]
    day: String,
    /// When it was made.
    #[schema(format = DateTime)]
    compared_at: String,
    /// How many orders are paid there and not here.
    unknown_here_count: i64,
    /// How many orders are paid here and not there.
    unknown_there_count: i64,
    /// The first of those that are paid there and not here.
    unknown_here: Vec<String>,
    /// The first of those that are paid here and not there.
    unknown_there: Vec<String>,
}

/// A page of comparisons.
#[derive(Serialize, ToSchema)]
pub(crate) struct ComparisonsView {
    /// Newest first.
    data: Vec<ComparisonView>,
    /// The `cursor` of the next page; null if this is the last.
    next: Option<i64>,
}

impl From<Comparison> for ComparisonView {
    fn from(row: Comparison) -> Self {
        let ids = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Self {
            day: shown_day(row.day),
            compared_at: shown_time(row.compared_at),
            unknown_here_count: row.unknown_here_count,
            unknown_there_count: row.unknown_there_count,
            unknown_here: ids(&row.unknown_here),
            unknown_there: ids(&row.unknown_there),
        }
    }
}

/// What the payment service's books say against ours, day by day, newest first.
#[utoipa::path(
    get, path = "/api/v1/admin/payments/comparisons", operation_id = "list_payment_comparisons", tag = "admin",
    params(ComparisonsQuery),
    responses((status = 200, description = "The comparisons", body = ComparisonsView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<AdjustsCredits>,
    InQuery(query): InQuery<ComparisonsQuery>,
) -> Result<Json<ComparisonsView>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let mut rows = state.payments()?.comparisons(query.cursor, limit + 1).await?;
    let limit = usize::try_from(limit).unwrap_or(0);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.day);
    Ok(Json(ComparisonsView { data: rows.into_iter().map(ComparisonView::from).collect(), next }))
}
