//! Keys for programs. Only a hash of the secret is stored.

use serde::Serialize;

use crate::{Credits, Db, StoreError, Timestamp, Tx, query::query};

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct ApiKey {
    /// Its name.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// What its owner calls it.
    pub name: String,
    /// The part that people see and that finds the row.
    pub prefix: String,
    /// SHA-256 of the whole key in hexadecimal.
    #[serde(skip)]
    pub hash: String,
    /// Space-separated.
    pub scopes: String,
    /// The user's value when it was made.
    #[serde(skip)]
    pub auth_epoch: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good; `None` is for ever.
    pub expires_at: Option<Timestamp>,
    /// How many jobs may come by it in a calendar month; `None` is any number.
    pub jobs_monthly_max: Option<i64>,
    /// What they may cost together; `None` is anything.
    pub credits_monthly_max: Option<Credits>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

const COLUMNS: &str = "SELECT id, user_id, name, prefix, hash, scopes, auth_epoch, created_at, expires_at, last_used_at, revoked_at, jobs_monthly_max, credits_monthly_max FROM api_keys ";

/// A new key.
pub async fn insert(tx: &mut Tx, key: &ApiKey) -> Result<(), StoreError> {
    let text = "INSERT INTO api_keys (id, user_id, name, prefix, hash, scopes, auth_epoch, created_at, expires_at, jobs_monthly_max, credits_monthly_max) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    query(tx, text)
        .bind(&key.id)
        .bind(&key.user_id)
        .bind(&key.name)
        .bind(&key.prefix)
        .bind(&key.hash)
        .bind(&key.scopes)
        .bind(key.auth_epoch)
        .bind(key.created_at)
        .bind(key.expires_at)
        .bind(key.jobs_monthly_max)
        .bind(key.credits_monthly_max)
        .run()
        .await?;
    Ok(())
}

/// The key with this prefix, whatever its state.
pub async fn by_prefix(db: &Db, prefix: &str) -> Result<Option<ApiKey>, StoreError> {
    query(db, COLUMNS).push("WHERE prefix = ").push_bind(prefix).optional().await
}

/// A user's keys, newest first.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<ApiKey>, StoreError> {
    query(db, COLUMNS).push("WHERE user_id = ").push_bind(user_id).push(" ORDER BY created_at DESC, id DESC").all().await
}

/// One by name.
pub async fn by_id(tx: &mut Tx, id: &str) -> Result<Option<ApiKey>, StoreError> {
    query(tx, COLUMNS).push("WHERE id = ").push_bind(id).optional().await
}

/// Other limits of a month for one of a user's keys. Whether there was one that had not ended.
pub async fn set_caps(
    tx: &mut Tx,
    user_id: &str,
    id: &str,
    jobs: Option<i64>,
    credits: Option<Credits>,
) -> Result<bool, StoreError> {
    let text = "UPDATE api_keys SET jobs_monthly_max = $3, credits_monthly_max = $4 WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL";
    query(tx, text).bind(user_id).bind(id).bind(jobs).bind(credits).changed().await
}

/// Ends one of a user's keys. Whether there was one that had not ended.
pub async fn revoke(tx: &mut Tx, user_id: &str, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE api_keys SET revoked_at = $3 WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL";
    query(tx, text).bind(user_id).bind(id).bind(now).changed().await
}

/// Notes that it was used.
pub async fn touch(tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), StoreError> {
    query(tx, "UPDATE api_keys SET last_used_at = $2 WHERE id = $1").bind(id).bind(now).run().await?;
    Ok(())
}
