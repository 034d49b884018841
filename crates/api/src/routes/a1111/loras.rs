//! `GET /sdapi/v1/loras`: the LoRAs that a prompt can name.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::pictures::blocking;
use crate::{
    AdapterKind, ApiError, AppState,
    auth::{As, Generates},
};

/// A LoRA.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoraView {
    /// Its name, as a prompt says it.
    #[schema(example = "ink")]
    name: String,
    /// The name its maker gave it, else the file's.
    alias: String,
    /// Below its folder.
    path: String,
    /// What is written in the file.
    metadata: BTreeMap<String, String>,
}

/// The LoRAs that a prompt can name.
#[utoipa::path(
    get, path = "/sdapi/v1/loras", operation_id = "a1111_loras", tag = "a1111",
    responses((status = 200, description = "The LoRAs", body = Vec<LoraView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Result<Json<Vec<LoraView>>, ApiError> {
    let Some(adapters) = state.services.adapters.clone() else { return Ok(Json(Vec::new())) };
    let files = blocking(move || Arc::clone(&adapters).list(AdapterKind::Lora)).await?;
    let view = |file: crate::AdapterFile| LoraView {
        alias: file.metadata.get("ss_output_name").cloned().unwrap_or_else(|| file.name.clone()),
        name: file.name,
        path: file.path,
        metadata: file.metadata,
    };
    Ok(Json(files.into_iter().map(view).collect()))
}
