//! `GET /api/v1/styles/categories`: the categories of styles, parents before their parts.

use axum::{Json, extract::State};

use crate::{AppState, views::StyleCategoryView};

/// The categories of styles, parents before their parts.
#[utoipa::path(
    get, path = "/api/v1/styles/categories", operation_id = "style_categories", tag = "prompts",
    responses((status = 200, description = "All of them", body = Vec<StyleCategoryView>))
)]
pub(crate) async fn handler(State(state): State<AppState>) -> Json<Vec<StyleCategoryView>> {
    let styles = state.platform.prompts.styles();
    Json(styles.categories().iter().map(|category| StyleCategoryView::of(category, styles)).collect())
}
