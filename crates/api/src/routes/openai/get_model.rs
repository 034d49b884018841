//! `GET /v1/models/{id}`: one model. Ids may hold slashes, so the route takes the rest of the path.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use easel_types::ModelId;

use super::model_view::view;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::openai::{model, response::Model},
};

/// One model. Ids may hold slashes, so the route takes the rest of the path.
#[utoipa::path(
    get, path = "/v1/models/{*model}", operation_id = "openai_model", tag = "openai",
    params(("model" = String, Path, description = "Its id; slashes need not be encoded")),
    responses((status = 200, description = "The model", body = Model)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<Generates>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Model>, ApiError> {
    let Path(id) = path.map_err(|_| ApiError::not_found())?;
    model::look_for(&id, &state.engine).await;
    match state.engine.find_model(Some(&ModelId::from(id.as_str()))) {
        Ok(model) => Ok(Json(view(&state, &model))),
        Err(_) => Err(ApiError::model_not_found(&id)),
    }
}
