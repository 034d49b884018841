//! `GET /api/v1/loras`: LoRAs that requests may name, in the prompt or as a list.

use axum::{Json, extract::State};

use crate::{
    AdapterKind, ApiError, AppState, adapters,
    auth::{As, Generates},
    views::AdapterView,
};

/// LoRAs that requests may name, in the prompt or as a list.
#[utoipa::path(
    get, path = "/api/v1/loras", operation_id = "list_loras", tag = "images",
    responses((status = 200, description = "The LoRAs that are there now, by name", body = Vec<AdapterView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Result<Json<Vec<AdapterView>>, ApiError> {
    let files = adapters::list(&state, AdapterKind::Lora).await?;
    Ok(Json(files.into_iter().map(Into::into).collect()))
}
