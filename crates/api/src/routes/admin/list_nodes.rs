//! `GET /api/v1/admin/nodes`: the processes that share the database, and what they draw on.

use axum::{Json, extract::State};
use easel_platform::nodes::{Device, Node};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsServer},
    views::shown_time,
};

/// A device of a node.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeDeviceView {
    /// Its name.
    #[schema(example = "cuda:0")]
    name: String,
    /// What it is.
    detail: String,
    /// It can be used.
    is_up: bool,
    /// Models in its memory.
    models: Vec<String>,
    /// Bytes of weights in its memory.
    weight_bytes: u64,
    /// Bytes of weights that there is room for; null where nobody has set a limit.
    weight_bytes_max: Option<u64>,
}

impl From<Device> for NodeDeviceView {
    fn from(device: Device) -> Self {
        let Device { name, detail, is_up, models, weight_bytes, weight_bytes_max } = device;
        Self { name, detail, is_up, models, weight_bytes, weight_bytes_max }
    }
}

/// A node.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeView {
    /// Its name, another at each start.
    id: String,
    /// Where it listens.
    #[schema(example = "10.0.0.7:8080")]
    address: String,
    /// `all`, `serve` or `worker`.
    #[schema(example = "worker")]
    role: String,
    /// Of the program.
    version: String,
    /// It has said so within the last minute.
    is_alive: bool,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it last said that it is there.
    #[schema(format = DateTime)]
    heartbeat_at: String,
    /// What it draws on.
    devices: Vec<NodeDeviceView>,
}

impl From<Node> for NodeView {
    fn from(node: Node) -> Self {
        Self {
            id: node.id,
            address: node.address,
            role: node.role,
            version: node.version,
            is_alive: node.is_alive,
            started_at: shown_time(node.started_at),
            heartbeat_at: shown_time(node.heartbeat_at),
            devices: node.devices.into_iter().map(NodeDeviceView::from).collect(),
        }
    }
}

/// The nodes of the last day.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodesView {
    /// The rows.
    data: Vec<NodeView>,
}

/// The processes that share the database, those of the last day, and what they draw on.
#[utoipa::path(
    get, path = "/api/v1/admin/nodes", operation_id = "list_nodes", tag = "admin",
    responses((status = 200, description = "The nodes", body = NodesView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<ReadsServer>) -> Result<Json<NodesView>, ApiError> {
    let nodes = state.platform.overview.nodes().await?;
    Ok(Json(NodesView { data: nodes.into_iter().map(NodeView::from).collect() }))
}
