//! `GET /sdapi/v1/sd-models`: what is installed now, the default first.

use axum::{Json, extract::State};
use easel_engine::ModelDescription;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    AppState,
    auth::{As, Generates},
    compat::a1111::checkpoints,
};

/// A model, as A1111's clients read it.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckpointView {
    /// What is shown, and set.
    #[schema(example = "sd15 [6ce0161689]")]
    title: String,
    /// Its name.
    model_name: String,
    /// The first digits of its file's SHA-256, if it is one file.
    hash: Option<String>,
    /// As `hash`: the whole is not kept.
    sha256: Option<String>,
    /// Its name: where files lie is nobody's business.
    filename: String,
    /// Null.
    config: Option<String>,
}

impl From<&ModelDescription> for CheckpointView {
    fn from(model: &ModelDescription) -> Self {
        let name = &model.id.0;
        Self {
            title: checkpoints::title(model),
            model_name: name.clone(),
            hash: model.hash.clone(),
            sha256: model.hash.clone(),
            filename: name.clone(),
            config: None,
        }
    }
}

/// What is installed now, the default first.
#[utoipa::path(
    get, path = "/sdapi/v1/sd-models", operation_id = "a1111_sd_models", tag = "a1111",
    responses((status = 200, description = "The models", body = Vec<CheckpointView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Json<Vec<CheckpointView>> {
    state.engine.refresh_models().await;
    Json(state.engine.models().iter().map(|model| CheckpointView::from(&**model)).collect())
}
