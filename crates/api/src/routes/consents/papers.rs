//! `GET /api/v1/legal`: the papers that people agree to when they register, for everybody to see.

use axum::{Json, extract::State};
use easel_platform::accounts::{Paper, Published};
use serde::Serialize;
use utoipa::ToSchema;

use crate::AppState;

/// A paper as it is now.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaperView {
    /// `terms` or `privacy`.
    #[schema(value_type = String, example = "terms")]
    document: Paper,
    /// Its version.
    #[schema(example = "2026-01")]
    version: String,
    /// Where it can be read.
    url: Option<String>,
}

impl From<(Paper, &Published)> for PaperView {
    fn from((document, published): (Paper, &Published)) -> Self {
        Self { document, version: published.version.clone(), url: published.url.clone() }
    }
}

/// What people agree to when they register; empty where the operator asks for nothing.
#[utoipa::path(
    get, path = "/api/v1/legal", operation_id = "legal", tag = "auth",
    responses((status = 200, description = "The papers", body = Vec<PaperView>))
)]
pub(crate) async fn handler(State(state): State<AppState>) -> Json<Vec<PaperView>> {
    Json(state.platform.accounts.legal().papers().into_iter().map(PaperView::from).collect())
}
