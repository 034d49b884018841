//! `GET /v1/models`: what is installed now, the default first.

use axum::{Json, extract::State};

use super::model_view::view;
use crate::{
    AppState,
    auth::{As, Generates},
    compat::openai::response::ModelList,
};

/// What is installed now, the default first.
#[utoipa::path(
    get, path = "/v1/models", operation_id = "openai_models", tag = "openai",
    responses((status = 200, description = "What is installed", body = ModelList)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Json<ModelList> {
    state.engine.refresh_models().await;
    let data = state.engine.models().iter().map(|model| view(&state, model)).collect();
    Json(ModelList { object: "list", data })
}
