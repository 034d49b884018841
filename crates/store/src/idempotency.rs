//! Requests that were made once and may be made again without happening twice.
//!
//! The row is written in the transaction of the effect, so that there is never one without the other. Two at once: the second waits for the
//! first's commit and then finds its result.

use crate::{StoreError, Timestamp, Tx, query::query};

/// What there is under a key.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Kept {
    /// Of the request it was first used for.
    pub request_hash: String,
    /// What that made.
    pub result_id: String,
}

/// A request and what it will make.
#[derive(Debug, Clone, Copy)]
pub struct Keeping<'a> {
    /// Who asks: the key is theirs alone.
    pub principal: &'a str,
    /// Their key.
    pub key: &'a str,
    /// SHA-256 of the request in hexadecimal.
    pub request_hash: &'a str,
    /// What it makes.
    pub result_id: &'a str,
    /// Until when the key is kept.
    pub expires_at: Timestamp,
}

/// Takes the key for this request; if it is taken already, what is under it. A key that has expired is free again.
pub async fn take(tx: &mut Tx, now: Timestamp, keeping: Keeping<'_>) -> Result<Option<Kept>, StoreError> {
    let Keeping { principal, key, request_hash, result_id, expires_at } = keeping;
    let text = "INSERT INTO idempotency_keys (principal, idem_key, request_hash, result_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6) \
                ON CONFLICT (principal, idem_key) DO UPDATE SET request_hash = excluded.request_hash, result_id = excluded.result_id, \
                created_at = excluded.created_at, expires_at = excluded.expires_at WHERE idempotency_keys.expires_at <= $5";
    let taking = query(&mut *tx, text).bind(principal).bind(key).bind(request_hash).bind(result_id).bind(now).bind(expires_at);
    if taking.changed().await? {
        return Ok(None);
    }
    let text = "SELECT request_hash, result_id FROM idempotency_keys WHERE principal = $1 AND idem_key = $2";
    query(tx, text).bind(principal).bind(key).one().await.map(Some)
}

/// Removes those that expired before.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM idempotency_keys WHERE expires_at < $1").bind(before).run().await
}

/// Removes a user's. For erasure.
pub async fn delete_of(tx: &mut Tx, principal: &str) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM idempotency_keys WHERE principal = $1").bind(principal).run().await
}
