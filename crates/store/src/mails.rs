//! Mail to be sent: written in the transaction that causes it, sent by whoever takes it from here, at least once.

use serde::Serialize;

use crate::{Db, Moment, StoreError, Timestamp, Tx, query::query, sql::sql};

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Mail {
    /// Its name: the same for every attempt.
    pub id: String,
    /// To whom, if to a user.
    pub user_id: Option<String>,
    /// The address.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// Why not, the last time.
    pub last_error: Option<String>,
}

const RETURNING: &str = " RETURNING id, user_id, recipient, subject, body, created_at, attempts, sent_at, last_error";

/// Writes a mail, to be sent at once.
pub async fn insert(
    tx: &mut Tx,
    at: &Moment<'_>,
    user_id: Option<&str>,
    recipient: &str,
    subject: &str,
    body: &str,
) -> Result<(), StoreError> {
    let text = "INSERT INTO mails (id, user_id, recipient, subject, body, created_at, due_at, attempts) VALUES ($1, $2, $3, $4, $5, $6, $6, 0)";
    query(tx, text).bind(at.id()).bind(user_id).bind(recipient).bind(subject).bind(body).bind(at.now).run().await?;
    Ok(())
}

/// Takes mail that is due, for as long as until `taken_until`; nobody else gets it before.
pub async fn take(tx: &mut Tx, now: Timestamp, taken_until: Timestamp, limit: i64) -> Result<Vec<Mail>, StoreError> {
    // Materialized: PostgreSQL may run a subquery of `IN` more than once.
    let text = sql![
        "WITH first AS MATERIALIZED (SELECT id FROM mails WHERE sent_at IS NULL AND dead_at IS NULL AND due_at <= $1 \
         ORDER BY due_at, id LIMIT $3", postgres " FOR UPDATE SKIP LOCKED",
        ") UPDATE mails SET due_at = $2, attempts = attempts + 1 WHERE id IN (SELECT id FROM first)"
    ];
    query(tx, text).bind(now).bind(taken_until).bind(limit).push(RETURNING).all().await
}

/// It was sent; its text, which may hold a token, is not kept.
pub async fn sent(tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), StoreError> {
    query(tx, "UPDATE mails SET sent_at = $2, body = '', last_error = NULL WHERE id = $1").bind(id).bind(now).run().await?;
    Ok(())
}

/// It was not sent; to be tried again then, or never (`None`).
pub async fn failed(tx: &mut Tx, id: &str, now: Timestamp, again_at: Option<Timestamp>, error: &str) -> Result<(), StoreError> {
    let text = "UPDATE mails SET due_at = COALESCE($3, due_at), dead_at = CASE WHEN $3 IS NULL THEN $2 ELSE NULL END, last_error = $4 \
                WHERE id = $1 AND sent_at IS NULL";
    query(tx, text).bind(id).bind(now).bind(again_at).bind(error).run().await?;
    Ok(())
}

/// The newest, for the operator.
pub async fn newest(db: &Db, limit: i64) -> Result<Vec<Mail>, StoreError> {
    let text = "SELECT id, user_id, recipient, subject, body, created_at, attempts, sent_at, last_error FROM mails ORDER BY created_at DESC, id DESC LIMIT $1";
    query(db, text).bind(limit).all().await
}

/// Removes what was sent or given up before.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM mails WHERE sent_at < $1 OR dead_at < $1").bind(before).run().await
}
