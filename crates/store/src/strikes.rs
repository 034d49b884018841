//! What filters and moderators found, and the strikes that come of it. Never the text it was found in.

use serde::Serialize;

use crate::{
    Db, Moment, StoreError, Timestamp, Tx,
    organizations::Among,
    query::{Query, query},
};

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Found {
    /// Its name.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Whose doing it is about.
    pub user_id: String,
    /// The case it was decided in.
    pub case_id: Option<String>,
    /// The job it was found in.
    pub job_id: Option<String>,
    /// `prompt`, `title`, `comment`, `profile`, `review`.
    pub stage: String,
    /// What kind of thing it is.
    pub category: String,
    /// `flag`, `mask`, `refuse`, or what a moderator decided.
    pub decision: String,
    /// The moderator.
    pub reviewer_id: Option<String>,
    /// What it is worth.
    pub strikes: i64,
    /// When it was taken back.
    pub lifted_at: Option<Timestamp>,
}

const SELECT: &str =
    "SELECT id, at, user_id, case_id, job_id, stage, category, decision, reviewer_id, strikes, lifted_at FROM moderation_events ";

/// A new finding.
#[derive(Debug, Clone, Copy)]
pub struct NewFound<'a> {
    /// Whose doing it is about.
    pub user_id: &'a str,
    /// The case it was decided in.
    pub case_id: Option<&'a str>,
    /// The job it was found in.
    pub job_id: Option<&'a str>,
    /// `prompt`, `title`, `comment`, `profile`, `review`.
    pub stage: &'a str,
    /// What kind of thing it is.
    pub category: &'a str,
    /// `flag`, `mask`, `refuse`, or what a moderator decided.
    pub decision: &'a str,
    /// The moderator.
    pub reviewer_id: Option<&'a str>,
    /// What it is worth.
    pub strikes: i64,
}

/// Notes a finding.
pub async fn insert(tx: &mut Tx, at: &Moment<'_>, new: NewFound<'_>) -> Result<(), StoreError> {
    let text = "INSERT INTO moderation_events (id, at, user_id, case_id, job_id, stage, category, decision, reviewer_id, strikes) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    query(tx, text)
        .bind(at.id())
        .bind(at.now)
        .bind(new.user_id)
        .bind(new.case_id)
        .bind(new.job_id)
        .bind(new.stage)
        .bind(new.category)
        .bind(new.decision)
        .bind(new.reviewer_id)
        .bind(new.strikes)
        .run()
        .await?;
    Ok(())
}

/// Strikes somebody has since then that were not lifted.
pub async fn count(tx: &mut Tx, user_id: &str, since: Timestamp) -> Result<i64, StoreError> {
    let text = "SELECT CAST(COALESCE(SUM(strikes), 0) AS BIGINT) FROM moderation_events WHERE user_id = $1 AND at > $2 AND lifted_at IS NULL";
    query(tx, text).bind(user_id).bind(since).value().await
}

/// Takes back the strikes of a case, or all of somebody's.
pub async fn lift(tx: &mut Tx, user_id: &str, case_id: Option<&str>, now: Timestamp) -> Result<u64, StoreError> {
    let mut lifting =
        query(tx, "UPDATE moderation_events SET lifted_at = ").push_bind(now).push(" WHERE lifted_at IS NULL AND user_id = ");
    lifting = lifting.push_bind(user_id);
    if let Some(case_id) = case_id {
        lifting = lifting.push(" AND case_id = ").push_bind(case_id);
    }
    lifting.run().await
}

/// What was found about somebody, newest first, before this one (time and name).
pub async fn of_user(db: &Db, user_id: &str, before: Option<(Timestamp, &str)>, limit: i64) -> Result<Vec<Found>, StoreError> {
    let (at, id) = before.unwrap_or((Timestamp::MAX, ""));
    let listing =
        query(db, SELECT).push("WHERE user_id = ").push_bind(user_id).push(" AND (at, id) < (").push_bind(at).push(", ");
    listing.push_bind(id).push(") ORDER BY at DESC, id DESC LIMIT ").push_bind(limit).all().await
}

/// What was found about these people, newest first, before this one (time and name).
pub async fn list(db: &Db, among: &Among, before: Option<(Timestamp, &str)>, limit: i64) -> Result<Vec<Found>, StoreError> {
    listing(db, among, before, limit).all().await
}

pub(crate) fn listing<'c>(db: &'c Db, among: &Among, before: Option<(Timestamp, &str)>, limit: i64) -> Query<'c> {
    let mut listing = query(db, SELECT);
    if before.is_some() || *among != Among::Everybody {
        let (at, id) = before.unwrap_or((Timestamp::MAX, ""));
        listing = listing.push("WHERE (at, id) < (").push_bind(at).push(", ").push_bind(id).push(")");
    }
    among.filter(listing, OF_ORGANIZATION).push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(limit)
}

/// By whom it is about; of who is not there any more, the default one.
const OF_ORGANIZATION: &str = " AND (SELECT u.organization_id FROM users u WHERE u.id = moderation_events.user_id)";

/// Removes what is older. For housekeeping.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM moderation_events WHERE at < $1").bind(before).run().await
}
