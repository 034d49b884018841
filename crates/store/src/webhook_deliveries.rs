//! Events on their way to one endpoint each: at least once, those of one subject in order, dead when nothing helps.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, outbox::Event, query::query, sql::sql};

/// An event for an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Delivery {
    /// Its name.
    pub id: String,
    /// Where to.
    pub endpoint_id: String,
    /// The address, where the endpoint has none of its own.
    pub url: Option<String>,
    /// What the receiver sees: the same for every attempt.
    pub event_id: String,
    /// `job.completed`, …
    pub topic: String,
    /// The body, as it is signed and sent.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When trying began.
    pub begun_at: Timestamp,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
    /// When it was given up.
    pub dead_at: Option<Timestamp>,
    /// What the receiver answered last.
    pub last_status: Option<i64>,
    /// Why it did not arrive the last time.
    pub last_error: Option<String>,
}

const COLUMNS: &str = "id, endpoint_id, url, event_id, topic, body, created_at, begun_at, due_at, attempts, delivered_at, dead_at, last_status, last_error";

/// What is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct NewDelivery<'a> {
    /// Its name.
    pub id: &'a str,
    /// Where to.
    pub endpoint_id: &'a str,
    /// The address, where the endpoint has none of its own.
    pub url: Option<&'a str>,
    /// What it tells of.
    pub event: &'a Event,
    /// The body.
    pub body: &'a str,
}

/// Writes what is to be sent, unless the endpoint has this event already.
pub async fn insert(tx: &mut Tx, now: Timestamp, new: NewDelivery<'_>) -> Result<bool, StoreError> {
    let text = "INSERT INTO webhook_deliveries (id, endpoint_id, event_id, topic, subject_id, seq, body, created_at, begun_at, due_at, attempts, \
                url) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8, 0, $9) ON CONFLICT (endpoint_id, event_id) DO NOTHING";
    query(tx, text)
        .bind(new.id)
        .bind(new.endpoint_id)
        .bind(&new.event.id)
        .bind(&new.event.topic)
        .bind(&new.event.subject_id)
        .bind(new.event.seq)
        .bind(new.body)
        .bind(now)
        .bind(new.url)
        .changed()
        .await
}

/// Takes what is due and has nothing earlier of its subject before it, until `taken_until`; nobody else gets it before.
pub async fn take(tx: &mut Tx, now: Timestamp, taken_until: Timestamp, limit: i64) -> Result<Vec<Delivery>, StoreError> {
    // Materialized: PostgreSQL may run a subquery of `IN` more than once.
    let text = sql![
        "WITH first AS MATERIALIZED (SELECT d.id FROM webhook_deliveries d \
         WHERE d.delivered_at IS NULL AND d.dead_at IS NULL AND d.due_at <= $1 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries e \
           WHERE e.endpoint_id = d.endpoint_id AND e.subject_id = d.subject_id AND e.seq < d.seq AND e.delivered_at IS NULL AND e.dead_at IS NULL) \
         ORDER BY d.due_at, d.id LIMIT $3", postgres " FOR UPDATE OF d SKIP LOCKED",
        ") UPDATE webhook_deliveries SET due_at = $2, attempts = attempts + 1 WHERE id IN (SELECT id FROM first) RETURNING "
    ];
    query(tx, text).bind(now).bind(taken_until).bind(limit).push(COLUMNS).all().await
}

/// It arrived.
pub async fn delivered(tx: &mut Tx, id: &str, now: Timestamp, status: i64) -> Result<bool, StoreError> {
    let text = "UPDATE webhook_deliveries SET delivered_at = $2, dead_at = NULL, last_status = $3, last_error = NULL \
                WHERE id = $1 AND delivered_at IS NULL";
    query(tx, text).bind(id).bind(now).bind(status).changed().await
}

/// Why something did not arrive, and what follows.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// When it is tried again; `None` is never, until somebody [`revive`]s it.
    pub again_at: Option<Timestamp>,
    /// What was answered, if anything.
    pub status: Option<i64>,
    /// For its owner.
    pub error: &'a str,
}

/// It did not arrive. Whether it was not given up meanwhile.
pub async fn failed(tx: &mut Tx, id: &str, now: Timestamp, failed: Failed<'_>) -> Result<bool, StoreError> {
    let text = "UPDATE webhook_deliveries SET due_at = COALESCE($3, due_at), dead_at = CASE WHEN $3 IS NULL THEN $2 ELSE NULL END, \
                last_status = $4, last_error = $5 WHERE id = $1 AND delivered_at IS NULL AND dead_at IS NULL";
    query(tx, text).bind(id).bind(now).bind(failed.again_at).bind(failed.status).bind(failed.error).changed().await
}

/// Gives up everything that waits for an endpoint.
pub async fn give_up(tx: &mut Tx, endpoint_id: &str, now: Timestamp, error: &str) -> Result<u64, StoreError> {
    let text = "UPDATE webhook_deliveries SET dead_at = $2, last_error = $3 \
                WHERE endpoint_id = $1 AND delivered_at IS NULL AND dead_at IS NULL";
    query(tx, text).bind(endpoint_id).bind(now).bind(error).run().await
}

/// Begins anew with one that has arrived or is dead. Whether it was either.
pub async fn revive(tx: &mut Tx, endpoint_id: &str, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE webhook_deliveries SET dead_at = NULL, delivered_at = NULL, begun_at = $3, due_at = $3, attempts = 0 \
                WHERE endpoint_id = $1 AND id = $2 AND (dead_at IS NOT NULL OR delivered_at IS NOT NULL)";
    query(tx, text).bind(endpoint_id).bind(id).bind(now).changed().await
}

/// Which of an endpoint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those that were given up.
    Dead,
}

/// An endpoint's, newest first, those older than `before` (time and name).
pub async fn of_endpoint(
    db: &Db,
    endpoint_id: &str,
    which: Which,
    before: Option<(Timestamp, &str)>,
    limit: i64,
) -> Result<Vec<Delivery>, StoreError> {
    let (at, id) = before.unwrap_or((Timestamp::MAX, "~"));
    query(db, "SELECT ")
        .push(COLUMNS)
        .push(" FROM webhook_deliveries WHERE endpoint_id = ")
        .push_bind(endpoint_id)
        .push(if which == Which::Dead { " AND dead_at IS NOT NULL" } else { "" })
        .push(" AND (created_at, id) < (")
        .push_bind(at)
        .push(", ")
        .push_bind(id)
        .push(") ORDER BY created_at DESC, id DESC LIMIT ")
        .push_bind(limit)
        .all()
        .await
}

/// One of them.
pub async fn by_id(db: &Db, endpoint_id: &str, id: &str) -> Result<Option<Delivery>, StoreError> {
    query(db, "SELECT ")
        .push(COLUMNS)
        .push(" FROM webhook_deliveries WHERE endpoint_id = ")
        .push_bind(endpoint_id)
        .push(" AND id = ")
        .push_bind(id)
        .optional()
        .await
}

/// How many wait, and how many are dead.
pub async fn counts(db: &Db) -> Result<(i64, i64), StoreError> {
    let text = "SELECT CAST(COALESCE(SUM(CASE WHEN dead_at IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT), \
                CAST(COALESCE(SUM(CASE WHEN dead_at IS NULL THEN 0 ELSE 1 END), 0) AS BIGINT) FROM webhook_deliveries WHERE delivered_at IS NULL";
    query(db, text).one().await
}

/// Removes what arrived or was given up before.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM webhook_deliveries WHERE delivered_at < $1 OR dead_at < $1").bind(before).run().await
}
