//! `GET /api/v1/controlnets`: ControlNets that requests may name.

use axum::{Json, extract::State};

use crate::{
    AdapterKind, ApiError, AppState, adapters,
    auth::{As, Generates},
    views::AdapterView,
};

/// ControlNets that requests may name.
#[utoipa::path(
    get, path = "/api/v1/controlnets", operation_id = "list_controlnets", tag = "images",
    responses((status = 200, description = "The ControlNets that are there now, by name", body = Vec<AdapterView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Result<Json<Vec<AdapterView>>, ApiError> {
    let files = adapters::list(&state, AdapterKind::ControlNet).await?;
    Ok(Json(files.into_iter().map(Into::into).collect()))
}
