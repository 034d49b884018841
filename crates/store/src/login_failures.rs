//! Failed logins, counted for a hash of account and address.

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Failures {
    /// How many since `first_at`.
    pub failures: i64,
    /// When counting began.
    pub first_at: Timestamp,
    /// No attempt is looked at before.
    pub blocked_until: Timestamp,
}

/// What is counted for one, if anything is.
pub async fn get(db: &Db, subject: &str) -> Result<Option<Failures>, StoreError> {
    query(db, "SELECT failures, first_at, blocked_until FROM login_failures WHERE subject = $1").bind(subject).optional().await
}

/// Counts one more; counting begins anew if it began before `window_start`.
pub async fn add(tx: &mut Tx, subject: &str, now: Timestamp, window_start: Timestamp) -> Result<Failures, StoreError> {
    let text = "INSERT INTO login_failures (subject, failures, first_at, blocked_until) VALUES ($1, 1, $2, 0) \
                ON CONFLICT (subject) DO UPDATE SET \
                  failures = CASE WHEN login_failures.first_at < $3 THEN 1 ELSE login_failures.failures + 1 END, \
                  first_at = CASE WHEN login_failures.first_at < $3 THEN $2 ELSE login_failures.first_at END \
                RETURNING failures, first_at, blocked_until";
    query(tx, text).bind(subject).bind(now).bind(window_start).one().await
}

/// Blocks until then.
pub async fn block(tx: &mut Tx, subject: &str, until: Timestamp) -> Result<(), StoreError> {
    query(tx, "UPDATE login_failures SET blocked_until = $2 WHERE subject = $1").bind(subject).bind(until).run().await?;
    Ok(())
}

/// Forgets one: they are in.
pub async fn clear(tx: &mut Tx, subject: &str) -> Result<(), StoreError> {
    query(tx, "DELETE FROM login_failures WHERE subject = $1").bind(subject).run().await?;
    Ok(())
}

/// Removes what began, and was blocked until, before.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM login_failures WHERE first_at < $1 AND blocked_until < $1").bind(before).run().await
}
