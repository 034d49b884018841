//! Secrets that the server must be able to read again, sealed by the key ring before they come here.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// A secret's name, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Named {
    /// `oidc:google`, `provider:fal`.
    pub name: String,
    /// When it was last set.
    pub updated_at: Timestamp,
}

/// Sets one.
pub async fn put(tx: &mut Tx, name: &str, sealed: &str, now: Timestamp) -> Result<(), StoreError> {
    let text = "INSERT INTO secrets (name, value, updated_at) VALUES ($1, $2, $3) \
                ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value, updated_at = EXCLUDED.updated_at";
    query(tx, text).bind(name).bind(sealed).bind(now).run().await?;
    Ok(())
}

/// One of them, sealed.
pub async fn get(db: &Db, name: &str) -> Result<Option<String>, StoreError> {
    let found: Option<(String,)> = query(db, "SELECT value FROM secrets WHERE name = $1").bind(name).optional().await?;
    Ok(found.map(|(value,)| value))
}

/// All names.
pub async fn names(db: &Db) -> Result<Vec<Named>, StoreError> {
    query(db, "SELECT name, updated_at FROM secrets ORDER BY name").all().await
}

/// Removes one. Whether there was one.
pub async fn delete(tx: &mut Tx, name: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM secrets WHERE name = $1").bind(name).changed().await
}
