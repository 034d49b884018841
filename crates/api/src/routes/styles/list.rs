//! `GET /api/v1/styles`: styles by category, tags and words in any of the languages, best first.

use axum::{Json, extract::State};
use easel_platform::prompts::Query;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    extract::InQuery,
    views::{StyleView, StylesView, page_size},
};

/// Letters of what is looked for: every word of it is looked up, misspelt ones among all words.
const TEXT_MAX: usize = 200;

/// Which styles.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StylesQuery {
    /// Words of their names, tags and categories, in English, Chinese or Russian; letters may be wrong.
    #[param(max_length = 200)]
    q: Option<String>,
    /// A category and its parts.
    category: Option<String>,
    /// Tags, with commas between them: styles that have all of them.
    tags: Option<String>,
    /// How many to pass over.
    offset: Option<usize>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// Styles, best first; without a search in the order of their categories.
#[utoipa::path(
    get, path = "/api/v1/styles", operation_id = "list_styles", tag = "prompts",
    params(StylesQuery),
    responses((status = 200, description = "The page", body = StylesView))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    InQuery(query): InQuery<StylesQuery>,
) -> Result<Json<StylesView>, ApiError> {
    let limit = usize::try_from(page_size("limit", query.limit)?).unwrap_or(0);
    let text = query.q.unwrap_or_default();
    if text.chars().count() > TEXT_MAX {
        return Err(ApiError::invalid("q", "out_of_range", format!("`q` must have at most {TEXT_MAX} characters")));
    }
    let tags = query.tags.iter().flat_map(|tags| tags.split(',')).map(|tag| tag.trim().to_lowercase());
    let offset = query.offset.unwrap_or(0);
    let query = Query { text, category: query.category, tags: tags.filter(|tag| !tag.is_empty()).collect(), offset, limit };
    let styles = state.platform.prompts.styles();
    let found = styles.search(&query);
    let end = offset.saturating_add(found.styles.len());
    Ok(Json(StylesView {
        next: (end < found.total && !found.styles.is_empty()).then_some(end),
        total: found.total,
        data: found.styles.into_iter().map(StyleView::from).collect(),
        catalogue: styles.version().hash.clone(),
    }))
}
