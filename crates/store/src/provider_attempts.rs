//! Attempts to have a job done by somebody else, each written down before it is sent.
//!
//! An attempt is settled once: `spent` is null until then, and every write that settles says so in its WHERE.

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Attempt {
    /// Its name.
    pub attempt_key: String,
    /// The job.
    pub job_id: String,
    /// The account.
    pub provider: String,
    /// The part of the job, from 0.
    pub part: i64,
    /// JSON: what was settled before it was sent.
    pub terms: String,
    /// JSON: how far it is; `None` if nothing was sent.
    pub step: Option<String>,
    /// JSON: what came of it, until the job ends.
    pub kept: Option<String>,
    /// Set aside, in millionths of a US dollar.
    pub reserved: i64,
    /// Days since 1970 UTC when it was begun.
    pub day: i64,
    /// Months since 1970 UTC.
    pub month: i64,
    /// What it cost; `None` while it is under way.
    pub spent: Option<i64>,
}

/// A new one.
#[derive(Debug, Clone, Copy)]
pub struct NewAttempt<'a> {
    /// Its name.
    pub attempt_key: &'a str,
    /// The job.
    pub job_id: &'a str,
    /// The account.
    pub provider: &'a str,
    /// The part of the job, from 0.
    pub part: i64,
    /// JSON: what was settled.
    pub terms: &'a str,
    /// Set aside.
    pub reserved: i64,
    /// Days since 1970 UTC.
    pub day: i64,
    /// Months since 1970 UTC.
    pub month: i64,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy)]
pub struct Settling<'a> {
    /// JSON: the last step.
    pub step: &'a str,
    /// What it cost.
    pub spent: i64,
    /// JSON: what came of it.
    pub kept: Option<&'a str>,
}

const COLUMNS: &str =
    "SELECT attempt_key, job_id, provider, part, terms, step, kept, reserved, day, month, spent FROM provider_attempts ";

/// Writes one down of which nothing was sent yet.
pub async fn insert(tx: &mut Tx, now: Timestamp, new: NewAttempt<'_>) -> Result<(), StoreError> {
    let text = "INSERT INTO provider_attempts (attempt_key, job_id, provider, part, terms, reserved, day, month, created_at, updated_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";
    query(tx, text)
        .bind(new.attempt_key)
        .bind(new.job_id)
        .bind(new.provider)
        .bind(new.part)
        .bind(new.terms)
        .bind(new.reserved)
        .bind(new.day)
        .bind(new.month)
        .bind(now)
        .run()
        .await?;
    Ok(())
}

/// A job's, in the order in which they were begun.
pub async fn of_job(db: &Db, job_id: &str) -> Result<Vec<Attempt>, StoreError> {
    query(db, COLUMNS).push("WHERE job_id = ").push_bind(job_id).push(" ORDER BY created_at, attempt_key").all().await
}

/// A job's that are under way.
pub async fn open_of_job(tx: &mut Tx, job_id: &str) -> Result<Vec<Attempt>, StoreError> {
    query(tx, COLUMNS).push("WHERE job_id = ").push_bind(job_id).push(" AND spent IS NULL ORDER BY attempt_key").all().await
}

/// How far one is that is under way. Whether it is.
pub async fn set_step(tx: &mut Tx, key: &str, now: Timestamp, step: &str, task_id: Option<&str>) -> Result<bool, StoreError> {
    let text = "UPDATE provider_attempts SET step = $2, task_id = COALESCE($3, task_id), updated_at = $4 WHERE attempt_key = $1 AND spent IS NULL";
    query(tx, text).bind(key).bind(step).bind(task_id).bind(now).changed().await
}

/// Ends one that is under way. Whether it was.
pub async fn settle(tx: &mut Tx, key: &str, now: Timestamp, to: Settling<'_>) -> Result<bool, StoreError> {
    let text =
        "UPDATE provider_attempts SET step = $2, spent = $3, kept = $4, updated_at = $5 WHERE attempt_key = $1 AND spent IS NULL";
    query(tx, text).bind(key).bind(to.step).bind(to.spent).bind(to.kept).bind(now).changed().await
}

/// Forgets one of which nothing was sent. Whether there was one.
pub async fn forget(tx: &mut Tx, key: &str) -> Result<bool, StoreError> {
    let text = "DELETE FROM provider_attempts WHERE attempt_key = $1 AND step IS NULL AND spent IS NULL";
    query(tx, text).bind(key).changed().await
}

/// Forgets what came of a job's attempts: it has ended, and its pictures have rows of their own.
pub async fn forget_kept(tx: &mut Tx, job_id: &str) -> Result<u64, StoreError> {
    query(tx, "UPDATE provider_attempts SET kept = NULL WHERE job_id = $1 AND kept IS NOT NULL").bind(job_id).run().await
}

/// The job, and its owner, that a provider's task is for.
pub async fn job_of_task(db: &Db, provider: &str, task_id: &str) -> Result<Option<(String, String)>, StoreError> {
    let text = "SELECT j.id, j.user_id FROM provider_attempts a JOIN jobs j ON j.id = a.job_id \
                WHERE a.provider = $1 AND a.task_id = $2 AND a.spent IS NULL LIMIT 1";
    query(db, text).bind(provider).bind(task_id).optional().await
}
