//! `GET /controlnet/model_list`: the ControlNets that requests can name.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    AdapterKind, ApiError, AppState, adapters,
    auth::{As, Generates},
};

/// The ControlNets that requests can name.
#[derive(Serialize, ToSchema)]
pub(crate) struct ControlModelsView {
    /// Their names.
    model_list: Vec<String>,
}

/// The ControlNets that requests can name.
#[utoipa::path(
    get, path = "/controlnet/model_list", operation_id = "a1111_controlnet_models", tag = "a1111",
    responses((status = 200, description = "The names", body = ControlModelsView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Result<Json<ControlModelsView>, ApiError> {
    Ok(Json(ControlModelsView { model_list: names(&state).await? }))
}

pub(super) async fn names(state: &AppState) -> Result<Vec<String>, ApiError> {
    let files = adapters::list(state, AdapterKind::ControlNet).await?;
    Ok(files.iter().map(|file| file.word().to_owned()).collect())
}
