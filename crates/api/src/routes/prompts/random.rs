//! `GET /api/v1/prompts/random`: a prompt to begin with, in every language; the same for the same seed.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::some_seed;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InQuery,
    views::NamesView,
};

/// Which one.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RandomQuery {
    /// The same seed is the same prompt; left out, one is drawn.
    #[param(maximum = 9007199254740991_u64)]
    seed: Option<u64>,
}

/// A prompt to begin with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RandomView {
    /// What it comes from.
    seed: u64,
    /// For the model: the English one.
    prompt: String,
    /// The same in every language.
    names: NamesView,
}

/// A prompt to begin with.
#[utoipa::path(
    get, path = "/api/v1/prompts/random", operation_id = "random_prompt", tag = "prompts",
    params(RandomQuery),
    responses((status = 200, description = "The prompt", body = RandomView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<Generates>,
    InQuery(query): InQuery<RandomQuery>,
) -> Result<Json<RandomView>, ApiError> {
    let seed = query.seed.unwrap_or_else(some_seed);
    let told = state.platform.prompts.vocabulary().random(seed);
    Ok(Json(RandomView { seed, prompt: told.en.clone(), names: (&told).into() }))
}
