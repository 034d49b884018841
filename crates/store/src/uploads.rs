//! Pictures that people sent, for jobs to start from.

use serde::Serialize;

use crate::{
    Db, StoreError, Timestamp, Tx,
    query::{On, Query, query},
};

/// A picture that somebody sent.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Upload {
    /// Its name.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// Where its bytes are.
    pub storage_key: String,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
    /// How many bytes.
    pub bytes: i64,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// `png`, `jpeg`, `webp`.
    pub format: String,
    /// When it came.
    pub created_at: Timestamp,
}

fn select<'c>(on: impl Into<On<'c>>) -> Query<'c> {
    query(on, "SELECT id, user_id, storage_key, sha256, bytes, width, height, format, created_at FROM uploads ")
}

/// A new one. Its bytes are stored.
pub async fn insert(tx: &mut Tx, upload: &Upload) -> Result<(), StoreError> {
    let text = "INSERT INTO uploads (id, user_id, storage_key, sha256, bytes, width, height, format, created_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    query(tx, text)
        .bind(&upload.id)
        .bind(&upload.user_id)
        .bind(&upload.storage_key)
        .bind(&upload.sha256)
        .bind(upload.bytes)
        .bind(upload.width)
        .bind(upload.height)
        .bind(&upload.format)
        .bind(upload.created_at)
        .run()
        .await?;
    Ok(())
}

/// One of a user's.
pub async fn of_user_by_id(db: &Db, user_id: &str, id: &str) -> Result<Option<Upload>, StoreError> {
    select(db).push("WHERE user_id = ").push_bind(user_id).push(" AND id = ").push_bind(id).optional().await
}

/// A user's, newest first.
pub async fn of_user(db: &Db, user_id: &str, limit: i64) -> Result<Vec<Upload>, StoreError> {
    let select = select(db).push("WHERE user_id = ").push_bind(user_id);
    select.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(limit).all().await
}

/// How many a user has, and their bytes.
pub async fn totals_of_user(tx: &mut Tx, user_id: &str) -> Result<(i64, i64), StoreError> {
    let text = "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM uploads WHERE user_id = $1";
    query(tx, text).bind(user_id).one().await
}

/// Those that came before then, of one user or of all.
pub async fn older(db: &Db, user_id: Option<&str>, before: Timestamp, limit: i64) -> Result<Vec<Upload>, StoreError> {
    let mut finding = select(db).push("WHERE created_at <= ").push_bind(before);
    if let Some(user_id) = user_id {
        finding = finding.push(" AND user_id = ").push_bind(user_id);
    }
    finding.push(" ORDER BY created_at, id LIMIT ").push_bind(limit).all().await
}

/// By id, after this one: for the check.
pub async fn after(db: &Db, after: &str, limit: i64) -> Result<Vec<Upload>, StoreError> {
    select(db).push("WHERE id > ").push_bind(after).push(" ORDER BY id LIMIT ").push_bind(limit).all().await
}

/// Removes the row; the bytes are gone.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM uploads WHERE id = $1").bind(id).changed().await
}

/// Of these keys, those some upload has.
pub async fn known_keys(db: &Db, keys: &[String]) -> Result<Vec<String>, StoreError> {
    let known: Vec<(String,)> = query(db, "SELECT storage_key FROM uploads WHERE storage_key IN ").push_in(keys).all().await?;
    Ok(known.into_iter().map(|(key,)| key).collect())
}
