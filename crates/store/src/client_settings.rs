//! What people have set in programs that were made for A1111.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// Somebody's settings.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct ClientSettings {
    /// Those that differ from the usual, as JSON.
    pub settings: String,
    /// Since when.
    pub updated_at: Timestamp,
}

/// What somebody has set, if anything.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Option<ClientSettings>, StoreError> {
    query(db, "SELECT settings, updated_at FROM client_settings WHERE user_id = $1").bind(user_id).optional().await
}

/// Keeps somebody's settings in place of what was there.
pub async fn put(tx: &mut Tx, now: Timestamp, user_id: &str, settings: &str) -> Result<(), StoreError> {
    let text = "INSERT INTO client_settings (user_id, settings, updated_at) VALUES ($1, $2, $3) \
                ON CONFLICT (user_id) DO UPDATE SET settings = EXCLUDED.settings, updated_at = EXCLUDED.updated_at";
    query(tx, text).bind(user_id).bind(settings).bind(now).run().await?;
    Ok(())
}

/// Forgets them: everything is as usual.
pub async fn forget(tx: &mut Tx, user_id: &str) -> Result<(), StoreError> {
    query(tx, "DELETE FROM client_settings WHERE user_id = $1").bind(user_id).run().await?;
    Ok(())
}
