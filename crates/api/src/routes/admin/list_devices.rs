//! `GET /api/v1/admin/devices`: what this node draws on.

use axum::{Json, extract::State};
use easel_engine::DeviceStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    AppState,
    auth::{As, ReadsServer},
};

/// A device of the node that answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceView {
    /// Its name.
    #[schema(example = "cuda:0")]
    name: String,
    /// What it is.
    detail: String,
    /// `up`, or `lost` until the server is restarted.
    #[schema(example = "up")]
    state: String,
    /// Models in its memory.
    models: Vec<String>,
    /// Pictures being drawn on it.
    pictures: usize,
    /// Bytes of weights.
    weight_bytes: u64,
    /// Bytes of weights that there is room for; null where nobody has set a limit.
    weight_bytes_max: Option<u64>,
    /// Bytes of pictures in the making.
    picture_bytes: u64,
    /// Bytes kept for the next request.
    cache_bytes: u64,
}

impl From<DeviceStatus> for DeviceView {
    fn from(device: DeviceStatus) -> Self {
        Self {
            name: device.name,
            detail: device.detail,
            state: if device.is_up { "up" } else { "lost" }.to_owned(),
            models: device.models.into_iter().map(|model| model.0).collect(),
            pictures: device.pictures,
            weight_bytes: device.memory.weights,
            weight_bytes_max: device.weights_max,
            picture_bytes: device.memory.slots,
            cache_bytes: device.memory.cache,
        }
    }
}

/// The devices of the node that answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct DevicesView {
    /// The rows.
    data: Vec<DeviceView>,
}

/// The devices of the node that answers.
#[utoipa::path(
    get, path = "/api/v1/admin/devices", operation_id = "list_devices", tag = "admin",
    responses((status = 200, description = "The devices", body = DevicesView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<ReadsServer>) -> Json<DevicesView> {
    Json(DevicesView { data: state.engine.devices().into_iter().map(DeviceView::from).collect() })
}
