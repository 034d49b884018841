//! What people report: each of them a thing once.

use serde::Serialize;

use crate::{Db, Moment, StoreError, Timestamp, Tx, query::query};

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Report {
    /// Its name.
    pub id: String,
    /// The case it adds to.
    pub case_id: String,
    /// Who reported.
    pub reporter_id: String,
    /// What is wrong with it.
    pub category: String,
    /// In their words.
    pub note: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// A new report.
#[derive(Debug, Clone, Copy)]
pub struct NewReport<'a> {
    /// The case it adds to.
    pub case_id: &'a str,
    /// Who reports.
    pub reporter_id: &'a str,
    /// What is wrong with it.
    pub category: &'a str,
    /// In their words.
    pub note: Option<&'a str>,
}

/// A new report. Whether they had not reported it before.
pub async fn insert(tx: &mut Tx, at: &Moment<'_>, new: NewReport<'_>) -> Result<bool, StoreError> {
    let text = "INSERT INTO reports (id, case_id, reporter_id, category, note, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
                ON CONFLICT (case_id, reporter_id) DO NOTHING";
    let inserting = query(tx, text).bind(at.id()).bind(new.case_id).bind(new.reporter_id).bind(new.category).bind(new.note);
    inserting.bind(at.now).changed().await
}

/// The reports of a case, oldest first.
pub async fn of_case(db: &Db, case_id: &str, limit: i64) -> Result<Vec<Report>, StoreError> {
    let text = "SELECT id, case_id, reporter_id, category, note, created_at FROM reports WHERE case_id = $1 ORDER BY created_at, id LIMIT $2";
    query(db, text).bind(case_id).bind(limit).all().await
}

/// What somebody reported, oldest first, after this one (time and name): for export.
pub async fn of_user(db: &Db, user_id: &str, after: Option<(Timestamp, &str)>, limit: i64) -> Result<Vec<Report>, StoreError> {
    let (at, id) = after.unwrap_or((Timestamp(i64::MIN), ""));
    let text = "SELECT id, case_id, reporter_id, category, note, created_at FROM reports WHERE reporter_id = $1 AND (created_at, id) > ($2, $3) \
                ORDER BY created_at, id LIMIT $4";
    query(db, text).bind(user_id).bind(at).bind(id).bind(limit).all().await
}

/// How many somebody made since then.
pub async fn count_since(tx: &mut Tx, user_id: &str, since: Timestamp) -> Result<i64, StoreError> {
    query(tx, "SELECT COUNT(*) FROM reports WHERE reporter_id = $1 AND created_at > $2").bind(user_id).bind(since).value().await
}
