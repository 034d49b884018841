//! Archives of people's data: asked for, being written, ready for a while.

use serde::Serialize;

use crate::{
    Db, StoreError, Timestamp, Tx,
    query::{On, Query, query},
    sql::sql,
};

/// One archive.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Export {
    /// Its name.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// `pending`, `running`, `ready` or `failed`.
    pub state: String,
    /// How often it was begun, and the fence.
    pub attempts: i64,
    /// Not to be taken before.
    pub due_at: Timestamp,
    /// Where it lies or is being written to.
    pub storage_key: Option<String>,
    /// How large it is.
    pub bytes: Option<i64>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was last begun.
    pub started_at: Option<Timestamp>,
    /// When it was ready or given up.
    pub finished_at: Option<Timestamp>,
    /// When it is forgotten.
    pub expires_at: Option<Timestamp>,
}

fn select<'c>(on: impl Into<On<'c>>) -> Query<'c> {
    query(
        on,
        "SELECT id, user_id, state, attempts, due_at, storage_key, bytes, created_at, started_at, finished_at, expires_at FROM exports ",
    )
}

/// One that is asked for now.
pub async fn insert(tx: &mut Tx, id: &str, user_id: &str, now: Timestamp) -> Result<(), StoreError> {
    let text = "INSERT INTO exports (id, user_id, state, attempts, due_at, created_at) VALUES ($1, $2, 'pending', 0, $3, $3)";
    query(tx, text).bind(id).bind(user_id).bind(now).run().await?;
    Ok(())
}

/// The one that is asked for or being written.
pub async fn open_of_user(tx: &mut Tx, user_id: &str) -> Result<Option<Export>, StoreError> {
    select(tx).push("WHERE state IN ('pending', 'running') AND user_id = ").push_bind(user_id).optional().await
}

/// A user's, newest first.
pub async fn of_user(db: &Db, user_id: &str, limit: i64) -> Result<Vec<Export>, StoreError> {
    select(db)
        .push("WHERE user_id = ")
        .push_bind(user_id)
        .push(" ORDER BY created_at DESC, id DESC LIMIT ")
        .push_bind(limit)
        .all()
        .await
}

/// The one that lies there.
pub async fn by_key(db: &Db, key: &str) -> Result<Option<Export>, StoreError> {
    select(db).push("WHERE storage_key = ").push_bind(key).optional().await
}

/// Which of these keys some archive has.
pub async fn known_keys(db: &Db, keys: &[String]) -> Result<Vec<String>, StoreError> {
    let finding = query(db, "SELECT storage_key FROM exports WHERE storage_key IS NOT NULL AND storage_key IN ").push_in(keys);
    let known: Vec<(String,)> = finding.all().await?;
    Ok(known.into_iter().map(|(key,)| key).collect())
}

/// Takes the first that is due, for as long as until `taken_until`; nobody else gets it before.
pub async fn take(tx: &mut Tx, now: Timestamp, taken_until: Timestamp) -> Result<Option<Export>, StoreError> {
    // Materialized: PostgreSQL may run a subquery of `IN` more than once.
    let text = sql![
        "WITH first AS MATERIALIZED (SELECT id FROM exports WHERE state IN ('pending', 'running') AND due_at <= $1 \
         ORDER BY due_at, id LIMIT 1", postgres " FOR UPDATE SKIP LOCKED",
        ") UPDATE exports SET state = 'running', due_at = $2, attempts = attempts + 1, started_at = $1 WHERE id IN (SELECT id FROM first) \
         RETURNING id, user_id, state, attempts, due_at, storage_key, bytes, created_at, started_at, finished_at, expires_at"
    ];
    query(tx, text).bind(now).bind(taken_until).optional().await
}

/// Where this attempt writes. Whether it is still this attempt's.
pub async fn begin(tx: &mut Tx, id: &str, attempt: i64, key: &str) -> Result<bool, StoreError> {
    let text = "UPDATE exports SET storage_key = $3 WHERE id = $1 AND attempts = $2 AND state = 'running'";
    query(tx, text).bind(id).bind(attempt).bind(key).changed().await
}

/// It is still being written. Whether it is still this attempt's.
pub async fn renew(tx: &mut Tx, id: &str, attempt: i64, taken_until: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE exports SET due_at = $3 WHERE id = $1 AND attempts = $2 AND state = 'running'";
    query(tx, text).bind(id).bind(attempt).bind(taken_until).changed().await
}

/// It is there. Whether it was still this attempt's.
pub async fn ready(
    tx: &mut Tx,
    id: &str,
    attempt: i64,
    bytes: i64,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let text = "UPDATE exports SET state = 'ready', bytes = $3, finished_at = $4, expires_at = $5 \
                WHERE id = $1 AND attempts = $2 AND state = 'running'";
    query(tx, text).bind(id).bind(attempt).bind(bytes).bind(now).bind(expires_at).changed().await
}

/// It was not written, and is tried again then.
pub async fn postpone(tx: &mut Tx, id: &str, attempt: i64, again_at: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE exports SET state = 'pending', storage_key = NULL, due_at = $3 \
                WHERE id = $1 AND attempts = $2 AND state = 'running'";
    query(tx, text).bind(id).bind(attempt).bind(again_at).changed().await
}

/// It is given up.
pub async fn fail(tx: &mut Tx, id: &str, attempt: i64, now: Timestamp, expires_at: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE exports SET state = 'failed', storage_key = NULL, finished_at = $3, expires_at = $4 \
                WHERE id = $1 AND attempts = $2 AND state = 'running'";
    query(tx, text).bind(id).bind(attempt).bind(now).bind(expires_at).changed().await
}

/// What a user has that is ready or was given up is over now.
pub async fn retire(tx: &mut Tx, user_id: &str, now: Timestamp) -> Result<(), StoreError> {
    query(tx, "UPDATE exports SET expires_at = $2 WHERE user_id = $1 AND expires_at > $2").bind(user_id).bind(now).run().await?;
    Ok(())
}

/// Those whose time is over, at most `limit`.
pub async fn expired(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<Export>, StoreError> {
    select(db).push("WHERE expires_at <= ").push_bind(now).push(" ORDER BY expires_at, id LIMIT ").push_bind(limit).all().await
}

/// Removes the row. Whether it was there.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM exports WHERE id = $1").bind(id).changed().await
}
