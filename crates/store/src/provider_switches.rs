//! Breakers as the operator has set them by hand: every node does so when it looks next.

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// What was set, last.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Switch {
    /// The account.
    pub provider: String,
    /// Nothing goes there; otherwise it was closed, whatever had opened it.
    pub is_open: bool,
    /// When.
    pub changed_at: Timestamp,
}

/// Sets one.
pub async fn set(tx: &mut Tx, provider: &str, is_open: bool, now: Timestamp) -> Result<(), StoreError> {
    let text = "INSERT INTO provider_switches (provider, is_open, changed_at) VALUES ($1, $2, $3) \
                ON CONFLICT (provider) DO UPDATE SET is_open = EXCLUDED.is_open, changed_at = EXCLUDED.changed_at";
    query(tx, text).bind(provider).bind(is_open).bind(now).run().await?;
    Ok(())
}

/// All of them.
pub async fn all(db: &Db) -> Result<Vec<Switch>, StoreError> {
    query(db, "SELECT provider, is_open, changed_at FROM provider_switches ORDER BY provider").all().await
}
