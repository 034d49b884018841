//! What the ledger says.

use super::{AccountKind, Transfer};
use crate::{Credits, Db, StoreError, Timestamp, Tx, query::query};

/// What somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Balance {
    /// All credits, those set aside included.
    pub posted: Credits,
    /// Set aside for jobs that are not done.
    pub pending: Credits,
    /// What can be spent.
    pub available: Credits,
    /// Everything ever granted, refunded or added by hand.
    pub earned: Credits,
    /// Everything ever spent.
    pub spent: Credits,
    /// Used without being charged: unlimited plans, metering.
    pub metered: Credits,
}

/// Where credits came from.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct GrantRow {
    /// The transfer that brought it.
    pub id: String,
    /// `signup`, `daily`, `monthly`, `purchase`, `refund`, `adjust`.
    pub source: String,
    /// What it was.
    pub amount: Credits,
    /// What is neither spent nor set aside.
    pub remaining: Credits,
    /// Until when it is good; `None` is for ever.
    pub expires_at: Option<Timestamp>,
}

/// A part of a history, newest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Only what is older than this transfer (time and name).
    pub before: Option<(Timestamp, String)>,
    /// At most so many.
    pub limit: i64,
}

/// What a user has. Nobody's is empty. Credits that have lapsed count until the next booking or sweep takes them.
pub async fn balance(db: &Db, user_id: &str) -> Result<Balance, StoreError> {
    let account = "SELECT posted, pending FROM accounts WHERE id = $1";
    let (posted, pending): (Credits, Credits) =
        query(db, account).bind(AccountKind::Credits.of(user_id).0).optional().await?.unwrap_or_default();
    let (metered, _): (Credits, Credits) =
        query(db, account).bind(AccountKind::Metered.of(user_id).0).optional().await?.unwrap_or_default();
    let totals = "SELECT CAST(COALESCE(SUM(CASE WHEN kind IN ('grant', 'refund', 'adjust') AND amount > 0 THEN amount ELSE 0 END), 0) AS BIGINT), \
                  CAST(COALESCE(SUM(CASE WHEN kind = 'capture' THEN -amount ELSE 0 END), 0) AS BIGINT) FROM transfers WHERE account_id = $1";
    let (earned, spent): (Credits, Credits) = query(db, totals).bind(AccountKind::Credits.of(user_id).0).one().await?;
    let available = Credits(posted.0 - pending.0);
    Ok(Balance { posted, pending, available, earned, spent, metered: Credits(-metered.0) })
}

/// A user's bookings, of both accounts, newest first.
pub async fn history(db: &Db, user_id: &str, page: &Page) -> Result<Vec<Transfer>, StoreError> {
    let (before_at, before_id) = page.before.clone().unwrap_or((Timestamp::MAX, "~".to_owned()));
    query(
        db,
        "SELECT id, kind, idem_key, account_id, amount, posted_after, hold_id, job_id, actor, reason, created_at FROM transfers \
         WHERE account_id IN ($1, $2) AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5",
    )
    .bind(AccountKind::Credits.of(user_id).0)
    .bind(AccountKind::Metered.of(user_id).0)
    .bind(before_at)
    .bind(before_id)
    .bind(page.limit)
    .all()
    .await
}

/// A user's grants that have something left, those that end first first.
pub async fn grants(db: &Db, user_id: &str) -> Result<Vec<GrantRow>, StoreError> {
    let text = "SELECT id, source, amount, remaining, expires_at FROM grants WHERE account_id = $1 AND remaining > 0 ORDER BY ends_order, id";
    query(db, text).bind(AccountKind::Credits.of(user_id).0).all().await
}

/// The hold of a job.
pub async fn hold_of(tx: &mut Tx, job_id: &str) -> Result<Option<Transfer>, StoreError> {
    query(
        tx,
        "SELECT id, kind, idem_key, account_id, amount, posted_after, hold_id, job_id, actor, reason, created_at \
               FROM transfers WHERE job_id = $1 AND kind = 'hold'",
    )
    .bind(job_id)
    .optional()
    .await
}

/// The booking of an event, if there is one.
pub async fn transfer_by_key(db: &Db, key: &str) -> Result<Option<Transfer>, StoreError> {
    query(
        db,
        "SELECT id, kind, idem_key, account_id, amount, posted_after, hold_id, job_id, actor, reason, created_at \
               FROM transfers WHERE idem_key = $1",
    )
    .bind(key)
    .optional()
    .await
}

/// What was captured for a job and not given back yet. The job's row is locked.
pub async fn refundable(tx: &mut Tx, job_id: &str) -> Result<Credits, StoreError> {
    let text = "SELECT CAST(COALESCE(SUM(CASE WHEN kind IN ('capture', 'refund') THEN -amount ELSE 0 END), 0) AS BIGINT) \
                FROM transfers WHERE job_id = $1";
    query(tx, text).bind(job_id).value().await
}
