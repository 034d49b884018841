//! `GET /api/v1/admin/models`: what is installed, and which of it is in memory.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    AppState,
    auth::{As, ReadsServer},
};

/// An installed model.
#[derive(Serialize, ToSchema)]
pub(crate) struct InstalledView {
    /// Its name.
    id: String,
    /// Its family, such as `sd1` or `sdxl`.
    family: String,
    /// Bytes its weights take on a device.
    weight_bytes: u64,
    /// It is what requests get that name none.
    is_default: bool,
    /// Devices that have it in memory.
    devices: Vec<String>,
}

/// The installed models, the default first.
#[derive(Serialize, ToSchema)]
pub(crate) struct InstalledModelsView {
    /// The rows.
    data: Vec<InstalledView>,
}

/// What is installed on the node that answers, and which of it is in memory.
#[utoipa::path(
    get, path = "/api/v1/admin/models", operation_id = "list_installed_models", tag = "admin",
    responses((status = 200, description = "The models, the default first", body = InstalledModelsView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<ReadsServer>) -> Json<InstalledModelsView> {
    state.engine.refresh_models().await;
    let devices = state.engine.devices();
    let models = state.engine.models();
    let rows = models.iter().enumerate().map(|(at, model)| InstalledView {
        id: model.id.0.clone(),
        family: model.family.clone(),
        weight_bytes: model.weight_bytes,
        is_default: at == 0,
        devices: devices.iter().filter(|device| device.models.contains(&model.id)).map(|device| device.name.clone()).collect(),
    });
    Json(InstalledModelsView { data: rows.collect() })
}
