//! Cases: questions to a moderator, and what became of them. There is one open case of a thing at a time, and reports of it add to that.

use serde::Serialize;

use crate::{
    Db, Moment, StoreError, Timestamp, Tx,
    organizations::Among,
    query::{Query, query},
};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// `image`, `comment`, `user`.
    pub target_kind: String,
    /// Which one.
    pub target_id: String,
    /// Whose.
    pub owner_id: String,
    /// `open`, `decided`, `appealed`, `closed`.
    pub state: String,
    /// What it was first opened for.
    pub category: String,
    /// How many people reported it.
    pub report_count: i64,
    /// Its place in the queue.
    pub queue_order: i64,
    /// `approve`, `hide`, `remove`, `warn`, `ban`.
    pub decision: Option<String>,
    /// For its owner.
    pub reason: Option<String>,
    /// By whom.
    pub decided_by: Option<String>,
    /// What its owner says against it.
    pub appeal: Option<String>,
    /// When they did.
    pub appealed_at: Option<Timestamp>,
    /// Whether the appeal was granted.
    pub overturned: Option<bool>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// When there was nothing more to decide.
    pub closed_at: Option<Timestamp>,
}

const SELECT: &str = "SELECT id, target_kind, target_id, owner_id, state, category, report_count, queue_order, decision, reason, decided_by, \
                      appeal, appealed_at, overturned, opened_at, decided_at, closed_at FROM moderation_cases ";

/// What a case is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// `image`, `comment`, `user`.
    pub kind: &'a str,
    /// Which one.
    pub id: &'a str,
    /// Whose.
    pub owner_id: &'a str,
}

/// The open case of this thing; a new one if there is none. Two at once find the same.
pub async fn open(tx: &mut Tx, at: &Moment<'_>, target: Target<'_>, category: &str) -> Result<Case, StoreError> {
    let text = "INSERT INTO moderation_cases (id, target_kind, target_id, owner_id, state, category, report_count, queue_order, opened_at) \
                VALUES ($1, $2, $3, $4, 'open', $5, 0, $6, $6) ON CONFLICT (target_kind, target_id) WHERE state IN ('open', 'appealed') DO NOTHING";
    let opening = query(&mut *tx, text).bind(at.id()).bind(target.kind).bind(target.id).bind(target.owner_id);
    opening.bind(category).bind(at.now).run().await?;
    let finding = query(tx, SELECT).push("WHERE state IN ('open', 'appealed') AND target_kind = ").push_bind(target.kind);
    finding.push(" AND target_id = ").push_bind(target.id).one().await
}

/// A case by name.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<Case>, StoreError> {
    query(db, SELECT).push("WHERE id = ").push_bind(id).optional().await
}

/// A case, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: &str) -> Result<Option<Case>, StoreError> {
    let locking = tx.engine() == crate::Engine::Postgres;
    query(tx, SELECT).push("WHERE id = ").push_bind(id).push(if locking { " FOR UPDATE" } else { "" }).optional().await
}

/// What waits for a moderator, in the order of the queue, after this one (place and name): what belongs to these people.
pub async fn queue(db: &Db, among: &Among, after: Option<(i64, &str)>, limit: i64) -> Result<Vec<Case>, StoreError> {
    waiting(db, among, after, limit).all().await
}

pub(crate) fn waiting<'c>(db: &'c Db, among: &Among, after: Option<(i64, &str)>, limit: i64) -> Query<'c> {
    let listing = query(db, SELECT).push("WHERE state IN ('open', 'appealed')");
    let mut listing = among.filter(listing, OF_ORGANIZATION);
    if let Some((place, id)) = after {
        listing = listing.push(" AND (queue_order, id) > (").push_bind(place).push(", ").push_bind(id).push(")");
    }
    listing.push(" ORDER BY queue_order, id LIMIT ").push_bind(limit)
}

/// By whose it is; of who is not there any more, the default one.
const OF_ORGANIZATION: &str = " AND (SELECT u.organization_id FROM users u WHERE u.id = moderation_cases.owner_id)";

/// The cases about what is somebody's, newest first, before this one (time and name).
pub async fn of_owner(db: &Db, owner_id: &str, before: Option<(Timestamp, &str)>, limit: i64) -> Result<Vec<Case>, StoreError> {
    let (at, id) = before.unwrap_or((Timestamp::MAX, ""));
    let listing = query(db, SELECT).push("WHERE owner_id = ").push_bind(owner_id).push(" AND (opened_at, id) < (").push_bind(at);
    listing.push(", ").push_bind(id).push(") ORDER BY opened_at DESC, id DESC LIMIT ").push_bind(limit).all().await
}

/// One more has reported it, which moves it ahead by `ahead` microseconds.
pub async fn reported(tx: &mut Tx, id: &str, ahead: i64) -> Result<bool, StoreError> {
    let text = "UPDATE moderation_cases SET report_count = report_count + 1, queue_order = queue_order - $2 WHERE id = $1";
    query(tx, text).bind(id).bind(ahead).changed().await
}

/// Whether somebody is still to decide about this thing.
pub async fn is_open(tx: &mut Tx, kind: &str, target_id: &str) -> Result<bool, StoreError> {
    let text =
        "SELECT COUNT(*) FROM moderation_cases WHERE target_kind = $1 AND target_id = $2 AND state IN ('open', 'appealed')";
    let open: i64 = query(tx, text).bind(kind).bind(target_id).value().await?;
    Ok(open > 0)
}

/// What was decided.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    /// `approve`, `hide`, `remove`, `warn`, `ban`.
    pub decision: &'a str,
    /// For its owner.
    pub reason: Option<&'a str>,
    /// By whom.
    pub by: &'a str,
}

/// Decides a locked open case. Whether it was open.
pub async fn decide(tx: &mut Tx, id: &str, now: Timestamp, decided: Decided<'_>) -> Result<bool, StoreError> {
    let text = "UPDATE moderation_cases SET state = 'decided', decision = $3, reason = $4, decided_by = $5, decided_at = $2 \
                WHERE id = $1 AND state = 'open'";
    query(tx, text).bind(id).bind(now).bind(decided.decision).bind(decided.reason).bind(decided.by).changed().await
}

/// Its owner says something against a decided case: it waits again, from `queue_order` on. Whether it was decided and is said once.
pub async fn appeal(tx: &mut Tx, id: &str, now: Timestamp, text: &str, queue_order: i64) -> Result<bool, StoreError> {
    let statement = "UPDATE moderation_cases SET state = 'appealed', appeal = $3, appealed_at = $2, queue_order = $4 \
                     WHERE id = $1 AND state = 'decided' AND appealed_at IS NULL";
    query(tx, statement).bind(id).bind(now).bind(text).bind(queue_order).changed().await
}

/// Ends a case that was decided or appealed; whether what was decided is taken back. Whether it was so.
pub async fn close(tx: &mut Tx, id: &str, now: Timestamp, overturned: bool) -> Result<bool, StoreError> {
    let text = "UPDATE moderation_cases SET state = 'closed', closed_at = $2, overturned = $3 WHERE id = $1 AND state IN ('decided', 'appealed')";
    query(tx, text).bind(id).bind(now).bind(overturned).changed().await
}

/// Ends the open cases of a thing that is gone: there is nothing left to decide.
pub async fn close_of(tx: &mut Tx, kind: &str, target_id: &str, now: Timestamp) -> Result<u64, StoreError> {
    let text = "UPDATE moderation_cases SET state = 'closed', closed_at = $3, decision = COALESCE(decision, 'approve') \
                WHERE target_kind = $1 AND target_id = $2 AND state IN ('open', 'appealed')";
    query(tx, text).bind(kind).bind(target_id).bind(now).run().await
}

/// Forgets what an owner said, and what was said to them. For erasure.
pub async fn scrub(tx: &mut Tx, owner_id: &str, now: Timestamp) -> Result<u64, StoreError> {
    let text = "UPDATE moderation_cases SET appeal = NULL, reason = NULL, decision = COALESCE(decision, 'approve'), \
                closed_at = COALESCE(closed_at, $2), state = 'closed' WHERE owner_id = $1";
    query(tx, text).bind(owner_id).bind(now).run().await
}

/// Removes cases with nothing more to decide since before, with their reports and findings. For housekeeping.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    let text = "DELETE FROM moderation_cases WHERE state IN ('decided', 'closed') AND COALESCE(closed_at, decided_at) < $1";
    query(tx, text).bind(before).run().await
}
