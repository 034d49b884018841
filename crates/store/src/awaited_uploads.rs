//! Pictures that are on their way to the storage itself, by a signed address.

use serde::Serialize;

use crate::{
    Db, StoreError, Timestamp, Tx,
    query::{On, Query, query},
};

/// A picture that somebody was given an address for.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Awaited {
    /// What the upload will be called.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// Where its bytes go.
    pub storage_key: String,
    /// How many were announced.
    pub bytes: i64,
    /// When the address was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

fn select<'c>(on: impl Into<On<'c>>) -> Query<'c> {
    query(on, "SELECT id, user_id, storage_key, bytes, created_at, expires_at FROM awaited_uploads ")
}

/// A new one.
pub async fn insert(tx: &mut Tx, awaited: &Awaited) -> Result<(), StoreError> {
    let text =
        "INSERT INTO awaited_uploads (id, user_id, storage_key, bytes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    query(tx, text)
        .bind(&awaited.id)
        .bind(&awaited.user_id)
        .bind(&awaited.storage_key)
        .bind(awaited.bytes)
        .bind(awaited.created_at)
        .bind(awaited.expires_at)
        .run()
        .await?;
    Ok(())
}

/// One of a user's.
pub async fn of_user_by_id(db: &Db, user_id: &str, id: &str) -> Result<Option<Awaited>, StoreError> {
    select(db).push("WHERE user_id = ").push_bind(user_id).push(" AND id = ").push_bind(id).optional().await
}

/// The one whose bytes go there.
pub async fn by_key(db: &Db, key: &str) -> Result<Option<Awaited>, StoreError> {
    select(db).push("WHERE storage_key = ").push_bind(key).optional().await
}

/// A user's, oldest first.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<Awaited>, StoreError> {
    select(db).push("WHERE user_id = ").push_bind(user_id).push(" ORDER BY created_at, id").all().await
}

/// How many a user has whose address has not ended, and the bytes announced.
pub async fn totals_of_user(tx: &mut Tx, user_id: &str, now: Timestamp) -> Result<(i64, i64), StoreError> {
    let text =
        "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM awaited_uploads WHERE user_id = $1 AND expires_at > $2";
    query(tx, text).bind(user_id).bind(now).one().await
}

/// Those that were made before then, of one user or of all.
pub async fn older(db: &Db, user_id: Option<&str>, before: Timestamp, limit: i64) -> Result<Vec<Awaited>, StoreError> {
    let mut finding = select(db).push("WHERE created_at <= ").push_bind(before);
    if let Some(user_id) = user_id {
        finding = finding.push(" AND user_id = ").push_bind(user_id);
    }
    finding.push(" ORDER BY created_at, id LIMIT ").push_bind(limit).all().await
}

/// Removes the row. Whether it was there.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM awaited_uploads WHERE id = $1").bind(id).changed().await
}
