//! What services have answered that answer at once: kept until their attempt is settled, so that a crash in between loses nothing that is paid.

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// Keeps an answer. One that was kept before stays: a commit whose answer was lost is done again.
pub async fn keep(tx: &mut Tx, attempt_key: &str, now: Timestamp, answer: &str) -> Result<(), StoreError> {
    let text =
        "INSERT INTO provider_answers (attempt_key, answer, created_at) VALUES ($1, $2, $3) ON CONFLICT (attempt_key) DO NOTHING";
    query(tx, text).bind(attempt_key).bind(answer).bind(now).run().await?;
    Ok(())
}

/// The answer of an attempt, if one is kept.
pub async fn of_attempt(db: &Db, attempt_key: &str) -> Result<Option<String>, StoreError> {
    let found: Option<(String,)> =
        query(db, "SELECT answer FROM provider_answers WHERE attempt_key = $1").bind(attempt_key).optional().await?;
    Ok(found.map(|(answer,)| answer))
}

/// Forgets an attempt's. Whether there was one.
pub async fn forget(tx: &mut Tx, attempt_key: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM provider_answers WHERE attempt_key = $1").bind(attempt_key).changed().await
}
