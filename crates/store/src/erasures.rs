//! Who asked to be forgotten, and how far that is. A backup that is restored is brought up to date with this list.

use serde::{Deserialize, Serialize};

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize, Deserialize)]
pub struct Erasure {
    /// Whose.
    pub user_id: String,
    /// When they asked.
    pub requested_at: Timestamp,
    /// When it begins: they may change their mind until then.
    pub due_at: Timestamp,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
}

/// Notes a request; one that is there stays as it is.
pub async fn insert(tx: &mut Tx, user_id: &str, now: Timestamp, due_at: Timestamp) -> Result<(), StoreError> {
    let text = "INSERT INTO erasures (user_id, requested_at, due_at) VALUES ($1, $2, $3) ON CONFLICT (user_id) DO NOTHING";
    query(tx, text).bind(user_id).bind(now).bind(due_at).run().await?;
    Ok(())
}

/// Those that are due and not done, at most `limit`.
pub async fn due(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<Erasure>, StoreError> {
    let text = "SELECT user_id, requested_at, due_at, finished_at FROM erasures WHERE finished_at IS NULL AND due_at <= $1 ORDER BY due_at, user_id LIMIT $2";
    query(db, text).bind(now).bind(limit).all().await
}

/// All of them, for a restored backup.
pub async fn all(db: &Db) -> Result<Vec<Erasure>, StoreError> {
    query(db, "SELECT user_id, requested_at, due_at, finished_at FROM erasures ORDER BY user_id").all().await
}

/// It is done.
pub async fn finish(tx: &mut Tx, user_id: &str, now: Timestamp) -> Result<bool, StoreError> {
    query(tx, "UPDATE erasures SET finished_at = $2 WHERE user_id = $1 AND finished_at IS NULL")
        .bind(user_id)
        .bind(now)
        .changed()
        .await
}
