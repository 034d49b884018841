//! The nodes that share the database: each says every few seconds that it is there, and what its devices are and have in memory. One that has said
//! nothing for [`SILENT`] is away, and a day later it is forgotten. What is said is for people to look at: leases say who works on what.

use std::time::Duration;

use easel_engine::DeviceStatus;
use easel_store::{Timestamp, nodes};
use serde::{Deserialize, Serialize};

use crate::{PlatformError, overview::Overview};

/// Between two words of a node.
pub const BEAT: Duration = Duration::from_secs(15);
/// A node that has said nothing for so long is away.
pub const SILENT: Duration = Duration::from_secs(60);
/// A node that has said nothing for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// What a node says of itself once.
#[derive(Debug, Clone)]
pub struct Myself {
    /// Its name, another at each start.
    pub id: String,
    /// Where it listens.
    pub address: String,
    /// `all`, `serve` or `worker`.
    pub role: &'static str,
    /// Of the program.
    pub version: &'static str,
    /// When it began.
    pub started_at: Timestamp,
}

/// A device, as its node last said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its name, such as `cpu` or `cuda:0`.
    pub name: String,
    /// What it is.
    pub detail: String,
    /// It can be used.
    pub is_up: bool,
    /// Models in its memory.
    pub models: Vec<String>,
    /// Bytes of weights in its memory.
    pub weight_bytes: u64,
    /// Bytes of weights that there is room for, where there is a limit.
    pub weight_bytes_max: Option<u64>,
}

impl From<DeviceStatus> for Device {
    fn from(device: DeviceStatus) -> Self {
        Self {
            name: device.name,
            detail: device.detail,
            is_up: device.is_up,
            models: device.models.into_iter().map(|model| model.0).collect(),
            weight_bytes: device.memory.weights,
            weight_bytes_max: device.weights_max,
        }
    }
}

/// A node, as it last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub id: String,
    /// Where it listens.
    pub address: String,
    /// `all`, `serve` or `worker`.
    pub role: String,
    /// Of the program.
    pub version: String,
    /// What it draws on.
    pub devices: Vec<Device>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last said that it is there.
    pub heartbeat_at: Timestamp,
    /// That is not long ago.
    pub is_alive: bool,
}

impl Overview {
    /// A node says that it is there, and how its devices are.
    pub async fn beat(&self, myself: &Myself, devices: Vec<DeviceStatus>) -> Result<(), PlatformError> {
        let devices: Vec<Device> = devices.into_iter().map(Device::from).collect();
        let now = self.context.now();
        let node = nodes::Node {
            id: myself.id.clone(),
            address: myself.address.clone(),
            role: myself.role.to_owned(),
            version: myself.version.to_owned(),
            devices: serde_json::to_string(&devices).expect("devices are plain data. This is a bug."),
            started_at: myself.started_at,
            heartbeat_at: now,
        };
        let mut tx = self.context.db.begin().await?;
        nodes::beat(&mut tx, &node).await?;
        nodes::sweep(&mut tx, now.before(FORGOTTEN)).await?;
        Ok(tx.commit().await?)
    }

    /// The nodes of the last day, by name.
    pub async fn nodes(&self) -> Result<Vec<Node>, PlatformError> {
        let now = self.context.now();
        let rows = nodes::since(&self.context.db, now.before(FORGOTTEN)).await?;
        let shown = |row: nodes::Node| Node {
            is_alive: row.heartbeat_at >= now.before(SILENT),
            // What a newer version says and this one does not understand is left out.
            devices: serde_json::from_str(&row.devices).unwrap_or_default(),
            id: row.id,
            address: row.address,
            role: row.role,
            version: row.version,
            started_at: row.started_at,
            heartbeat_at: row.heartbeat_at,
        };
        Ok(rows.into_iter().map(shown).collect())
    }
}
