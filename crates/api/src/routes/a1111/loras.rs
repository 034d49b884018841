//! `GET /sdapi/v1/loras`: the LoRAs that a prompt can name.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    AdapterFile, AdapterKind, ApiError, AppState, adapters,
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
    let files = adapters::list(&state, AdapterKind::Lora).await?;
    let view = |file: AdapterFile| LoraView {
        alias: file.metadata.get("ss_output_name").map_or_else(|| file.word(), String::as_str).to_owned(),
        name: file.word().to_owned(),
        path: file.path,
        metadata: file.metadata,
    };
    Ok(Json(files.into_iter().map(view).collect()))
}
