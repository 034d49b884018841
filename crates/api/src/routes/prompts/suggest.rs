//! `GET /api/v1/prompts/suggest`: what could be written next: what one wrote before, words, phrases and styles.

use axum::{Json, extract::State};
use easel_platform::prompts::Language;
use serde::Deserialize;
use utoipa::IntoParams;

use super::check_length;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InQuery,
    views::SuggestionView,
};

/// Suggestions at most, and where nobody says.
const LIMIT_MAX: usize = 30;
const LIMIT: usize = 8;

/// What was typed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuggestQuery {
    /// The text up to where it is written.
    #[param(max_length = 10_000)]
    q: String,
    /// The language of whoever types: `en`, `zh` or `ru`, or a tag that begins so.
    #[param(default = "en")]
    language: Option<String>,
    /// Suggestions.
    #[param(minimum = 1, maximum = 30, default = 8)]
    limit: Option<usize>,
}

/// What could be written next.
#[utoipa::path(
    get, path = "/api/v1/prompts/suggest", operation_id = "suggest_prompt", tag = "prompts",
    params(SuggestQuery),
    responses((status = 200, description = "Best first", body = Vec<SuggestionView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InQuery(query): InQuery<SuggestQuery>,
) -> Result<Json<Vec<SuggestionView>>, ApiError> {
    check_length("q", &query.q)?;
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(ApiError::invalid("limit", "out_of_range", format!("`limit` must be between 1 and {LIMIT_MAX}")));
    }
    let language = match &query.language {
        None => Language::En,
        Some(tag) => {
            tag.parse().map_err(|_| ApiError::invalid("language", "invalid_value", "`language` must be en, zh or ru"))?
        }
    };
    let found = state.platform.prompts.suggest(&caller.user.id, &query.q, language, limit).await?;
    Ok(Json(found.into_iter().map(|suggestion| SuggestionView::of(suggestion, &query.q)).collect()))
}
