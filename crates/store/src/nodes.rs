//! The processes that share the database, as each says of itself.

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Node {
    /// Its name, another at each start.
    pub id: String,
    /// Where it listens.
    pub address: String,
    /// `all`, `serve` or `worker`.
    pub role: String,
    /// Of the program.
    pub version: String,
    /// JSON: its devices.
    pub devices: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last said that it is there.
    pub heartbeat_at: Timestamp,
}

/// A node says that it is there, and how it is.
pub async fn beat(tx: &mut Tx, node: &Node) -> Result<(), StoreError> {
    let text = "INSERT INTO nodes (id, address, role, version, devices, started_at, heartbeat_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                ON CONFLICT (id) DO UPDATE SET devices = EXCLUDED.devices, heartbeat_at = EXCLUDED.heartbeat_at";
    query(tx, text)
        .bind(&node.id)
        .bind(&node.address)
        .bind(&node.role)
        .bind(&node.version)
        .bind(&node.devices)
        .bind(node.started_at)
        .bind(node.heartbeat_at)
        .run()
        .await?;
    Ok(())
}

/// Those that said something since then, by name.
pub async fn since(db: &Db, since: Timestamp) -> Result<Vec<Node>, StoreError> {
    let text =
        "SELECT id, address, role, version, devices, started_at, heartbeat_at FROM nodes WHERE heartbeat_at >= $1 ORDER BY id";
    query(db, text).bind(since).all().await
}

/// Forgets those that have said nothing since then.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM nodes WHERE heartbeat_at < $1").bind(before).run().await
}
