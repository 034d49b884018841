//! `GET /v1/models`: what is installed now, the default first.

use axum::{Json, extract::State};

use super::view;
use crate::{AppState, compat::openai::response::ModelList};

pub(crate) async fn handler(State(state): State<AppState>) -> Json<ModelList> {
    state.engine.refresh_models().await;
    let data = state.engine.models().iter().map(|model| view(&state, model)).collect();
    Json(ModelList { object: "list", data })
}
