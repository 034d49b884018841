//! `GET /api/v1/prompts/history`: the prompts one wrote earlier, each once, newest first.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InQuery,
    views::{HistoryView, page_size},
};

/// How many.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// Prompts.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// The prompts one wrote earlier.
#[utoipa::path(
    get, path = "/api/v1/prompts/history", operation_id = "prompt_history", tag = "prompts",
    params(HistoryQuery),
    responses((status = 200, description = "Each once, newest first", body = Vec<HistoryView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InQuery(query): InQuery<HistoryQuery>,
) -> Result<Json<Vec<HistoryView>>, ApiError> {
    let limit = usize::try_from(page_size("limit", query.limit)?).unwrap_or(0);
    let written = state.platform.prompts.history(&caller.user.id, limit).await?;
    Ok(Json(written.into_iter().map(HistoryView::from).collect()))
}
