//! Events, written with what they tell of and sent on at least once, those of one subject in order.

use serde::Serialize;

use crate::{Db, Moment, StoreError, Timestamp, Tx, query::query, sql::sql};

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Event {
    /// Its name: the same for every attempt, so that receivers can tell.
    pub id: String,
    /// `job.completed`, `job.failed`, …
    pub topic: String,
    /// The job.
    pub subject_id: String,
    /// Its place among the subject's.
    pub seq: i64,
    /// Whose.
    pub user_id: Option<String>,
    /// JSON.
    pub payload: String,
    /// When it happened.
    pub created_at: Timestamp,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

/// An event to be sent.
#[derive(Debug, Clone, Copy)]
pub struct NewEvent<'a> {
    /// `job.completed`, `job.failed`, …
    pub topic: &'a str,
    /// The job, whose row the caller has locked.
    pub subject_id: &'a str,
    /// Whose.
    pub user_id: Option<&'a str>,
    /// JSON.
    pub payload: &'a str,
}

/// Writes an event.
pub async fn insert(tx: &mut Tx, at: &Moment<'_>, event: NewEvent<'_>) -> Result<(), StoreError> {
    let text = "INSERT INTO outbox (id, topic, subject_id, seq, user_id, payload, created_at, due_at, attempts) \
                VALUES ($1, $2, $3, (SELECT COALESCE(MAX(seq) + 1, 0) FROM outbox WHERE subject_id = $3), $4, $5, $6, $6, 0)";
    query(tx, text)
        .bind(at.id())
        .bind(event.topic)
        .bind(event.subject_id)
        .bind(event.user_id)
        .bind(event.payload)
        .bind(at.now)
        .run()
        .await?;
    Ok(())
}

/// Takes events that are due and whose subject has no earlier one to be sent, until `taken_until`; nobody else gets them before.
pub async fn take(tx: &mut Tx, now: Timestamp, taken_until: Timestamp, limit: i64) -> Result<Vec<Event>, StoreError> {
    // Materialized: PostgreSQL may run a subquery of `IN` more than once.
    let text = sql![
        "WITH first AS MATERIALIZED (SELECT o.id FROM outbox o \
         WHERE o.delivered_at IS NULL AND o.dead_at IS NULL AND o.due_at <= $1 AND NOT EXISTS (SELECT 1 FROM outbox e \
           WHERE e.subject_id = o.subject_id AND e.seq < o.seq AND e.delivered_at IS NULL AND e.dead_at IS NULL) \
         ORDER BY o.due_at, o.id LIMIT $3", postgres " FOR UPDATE OF o SKIP LOCKED",
        ") UPDATE outbox SET due_at = $2, attempts = attempts + 1 WHERE id IN (SELECT id FROM first) \
         RETURNING id, topic, subject_id, seq, user_id, payload, created_at, attempts"
    ];
    query(tx, text).bind(now).bind(taken_until).bind(limit).all().await
}

/// It arrived.
pub async fn delivered(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE outbox SET delivered_at = $2, last_error = NULL WHERE id = $1 AND delivered_at IS NULL";
    query(tx, text).bind(id).bind(now).changed().await
}

/// It did not; to be tried again then, or never (`None`): then it is dead until somebody [`revive`]s it.
pub async fn failed(tx: &mut Tx, id: &str, now: Timestamp, again_at: Option<Timestamp>, error: &str) -> Result<bool, StoreError> {
    let text = "UPDATE outbox SET due_at = COALESCE($3, due_at), dead_at = CASE WHEN $3 IS NULL THEN $2 ELSE NULL END, last_error = $4 \
                WHERE id = $1 AND delivered_at IS NULL";
    query(tx, text).bind(id).bind(now).bind(again_at).bind(error).changed().await
}

/// Tries a dead one again.
pub async fn revive(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    query(tx, "UPDATE outbox SET dead_at = NULL, due_at = $2 WHERE id = $1 AND dead_at IS NOT NULL")
        .bind(id)
        .bind(now)
        .changed()
        .await
}

/// How many wait, and how many are dead.
pub async fn counts(db: &Db) -> Result<(i64, i64), StoreError> {
    let text = "SELECT CAST(COALESCE(SUM(CASE WHEN dead_at IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT), \
                CAST(COALESCE(SUM(CASE WHEN dead_at IS NULL THEN 0 ELSE 1 END), 0) AS BIGINT) FROM outbox WHERE delivered_at IS NULL";
    query(db, text).one().await
}

/// Removes what was delivered before.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM outbox WHERE delivered_at < $1").bind(before).run().await
}
