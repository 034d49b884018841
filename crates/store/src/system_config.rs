//! Settings that are changed while the server runs.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct SystemSetting {
    /// Its name.
    pub key: String,
    /// What it is; `None` is as file, environment and options say.
    pub value: Option<String>,
    /// What it does, for people.
    pub description: String,
    /// When it was last changed; 0 is never.
    pub updated_at: Timestamp,
}

/// All of them, by name.
pub async fn all(db: &Db) -> Result<Vec<SystemSetting>, StoreError> {
    query(db, "SELECT key, value, description, updated_at FROM system_config ORDER BY key").all().await
}

/// One of them, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, key: &str) -> Result<Option<SystemSetting>, StoreError> {
    // An update that changes nothing locks the row on both databases.
    query(&mut *tx, "UPDATE system_config SET updated_at = updated_at WHERE key = $1").bind(key).run().await?;
    query(tx, "SELECT key, value, description, updated_at FROM system_config WHERE key = $1").bind(key).optional().await
}

/// Changes one. Whether there is one.
pub async fn set(tx: &mut Tx, key: &str, value: Option<&str>, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE system_config SET value = $2, updated_at = $3 WHERE key = $1";
    query(tx, text).bind(key).bind(value).bind(now).changed().await
}
