//! `GET /api/v1/prompts/terms`: the words a prompt can be built of, by what they are about.

use axum::{Json, extract::State};
use easel_platform::prompts::Slot;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InQuery,
    views::TermView,
};

/// Which of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TermsQuery {
    /// `medium`, `light`, `composition`, `mood`, `palette`, `weather`, `detail`, `quality` or `avoid`; left out, all.
    #[param(value_type = Option<String>)]
    slot: Option<Slot>,
}

/// The words a prompt can be built of.
#[utoipa::path(
    get, path = "/api/v1/prompts/terms", operation_id = "prompt_terms", tag = "prompts",
    params(TermsQuery),
    responses((status = 200, description = "All of them", body = Vec<TermView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<Generates>,
    InQuery(query): InQuery<TermsQuery>,
) -> Result<Json<Vec<TermView>>, ApiError> {
    Ok(Json(state.platform.prompts.vocabulary().terms(query.slot).map(TermView::from).collect()))
}
