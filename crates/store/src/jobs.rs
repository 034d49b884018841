//! Jobs: what somebody asked for and what became of it. Who works on one is `leases.rs`.
//!
//! `queued → processing → completed | failed | cancelled`, and from `processing` back to `queued` when a worker is lost or wants to try
//! again. Every change of state says in its WHERE which state it leaves, so that none happens twice.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    Credits, Db, StoreError, Timestamp, Tx,
    query::{Query, query},
};

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waits for a worker.
    Queued,
    /// A worker holds its lease.
    Processing,
    /// Its pictures are stored and paid for.
    Completed,
    /// It will not be done; nothing was paid.
    Failed,
    /// Its owner wanted it no more; nothing was paid.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: &'static [Self] = &[Self::Queued, Self::Processing, Self::Completed, Self::Failed, Self::Cancelled];

    /// As stored and written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl FromStr for JobState {
    type Err = StoreError;

    fn from_str(name: &str) -> Result<Self, StoreError> {
        let known = Self::ALL.iter().copied().find(|state| state.name() == name);
        known.ok_or_else(|| StoreError::Unknown(format!("job state {}", name.chars().take(32).collect::<String>())))
    }
}

impl TryFrom<String> for JobState {
    type Error = StoreError;

    fn try_from(name: String) -> Result<Self, StoreError> {
        name.parse()
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Job {
    /// Its name.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// How far it is.
    #[sqlx(try_from = "String")]
    pub state: JobState,
    /// The model it needs.
    pub model: String,
    /// JSON, as the API took it.
    pub request: String,
    /// Pictures asked for.
    pub images_wanted: i64,
    /// Pictures stored.
    pub images_delivered: i64,
    /// Price of one picture, as quoted.
    pub unit_price: Credits,
    /// Its hold in the ledger; `None` if it costs nothing.
    pub hold_id: Option<String>,
    /// Higher goes first.
    pub priority: i64,
    /// Its place: when it was submitted, moved ahead by its priority.
    pub queue_order: i64,
    /// Not to be claimed before.
    pub not_before: Timestamp,
    /// If nobody has claimed it by then, it fails.
    pub queue_ends_at: Timestamp,
    /// How often it was claimed; the fence.
    pub attempt: i64,
    /// How often it may be.
    pub attempts_max: i64,
    /// The worker that has it.
    pub lease_owner: Option<String>,
    /// Until when, unless it says so again.
    pub lease_expires_at: Option<Timestamp>,
    /// Its owner wants it no more.
    pub cancel_requested: bool,
    /// Thousandths.
    pub progress: i64,
    /// Who draws it, if not we.
    pub provider: Option<String>,
    /// What it is called there: noted before it is waited for, so that nobody pays for it twice.
    pub provider_task_id: Option<String>,
    /// From then on it may be sent elsewhere; `None` is never.
    pub leaves_at: Option<Timestamp>,
    /// JSON: what it may cost elsewhere, who served it and why, what was dropped.
    pub away: Option<String>,
    /// Pictures its owner has paid for elsewhere.
    pub images_free: i64,
    /// The key it came by.
    pub api_key_id: Option<String>,
    /// Where its end is told, beside its owner's endpoints.
    pub callback_url: Option<String>,
    /// Its end is told by mail.
    pub mail_at_end: bool,
    /// Why it failed, for programs.
    pub error_code: Option<String>,
    /// Why it failed, for people.
    pub error_message: Option<String>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it was first claimed.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When its state last changed, or whoever works on it last said how far it is.
    pub updated_at: Timestamp,
    /// Its number among its owner's.
    pub task_no: i64,
    /// The job whose picture it starts from.
    pub parent_id: Option<String>,
    /// What all jobs of its batch share.
    pub batch_key: Option<String>,
    /// When it will be finished, as its worker last foretold.
    pub estimated_completion_at: Option<Timestamp>,
    /// Its owner's organisation.
    pub organization_id: Option<String>,
}

pub(crate) const COLUMNS: &str = "id, user_id, state, model, request, images_wanted, images_delivered, unit_price, hold_id, priority, queue_order, \
     not_before, queue_ends_at, attempt, attempts_max, lease_owner, lease_expires_at, cancel_requested, progress, provider, provider_task_id, \
     leaves_at, away, images_free, api_key_id, callback_url, mail_at_end, error_code, error_message, created_at, started_at, finished_at, \
     updated_at, task_no, parent_id, batch_key, estimated_completion_at, organization_id";

fn select<'c>(on: impl Into<crate::query::On<'c>>) -> Query<'c> {
    query(on, "SELECT ").push(COLUMNS).push(" FROM jobs ")
}

/// A new job, as queued whatever its state says.
pub async fn insert(tx: &mut Tx, job: &Job) -> Result<(), StoreError> {
    let text = "INSERT INTO jobs (id, user_id, state, model, request, images_wanted, images_delivered, unit_price, hold_id, priority, \
                queue_order, not_before, queue_ends_at, attempt, attempts_max, cancel_requested, progress, provider, created_at, leaves_at, away, \
                api_key_id, callback_url, task_no, parent_id, batch_key, organization_id, mail_at_end, updated_at) \
                VALUES ($1, $2, 'queued', $3, $4, $5, 0, $6, $7, $8, $9, $10, $11, 0, $12, FALSE, 0, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $14)";
    query(tx, text)
        .bind(&job.id)
        .bind(&job.user_id)
        .bind(&job.model)
        .bind(&job.request)
        .bind(job.images_wanted)
        .bind(job.unit_price)
        .bind(job.hold_id.as_deref())
        .bind(job.priority)
        .bind(job.queue_order)
        .bind(job.not_before)
        .bind(job.queue_ends_at)
        .bind(job.attempts_max)
        .bind(job.provider.as_deref())
        .bind(job.created_at)
        .bind(job.leaves_at)
        .bind(job.away.as_deref())
        .bind(job.api_key_id.as_deref())
        .bind(job.callback_url.as_deref())
        .bind(job.task_no)
        .bind(job.parent_id.as_deref())
        .bind(job.batch_key.as_deref())
        .bind(job.organization_id.as_deref())
        .bind(job.mail_at_end)
        .run()
        .await?;
    Ok(())
}

/// A job by id.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<Job>, StoreError> {
    select(db).push("WHERE id = ").push_bind(id).optional().await
}

/// A job, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: &str) -> Result<Option<Job>, StoreError> {
    let locking = tx.engine() == crate::Engine::Postgres;
    select(tx).push("WHERE id = ").push_bind(id).push(if locking { " FOR UPDATE" } else { "" }).optional().await
}

/// The number of a user's next job. Their row is locked, so that no two jobs get the same.
pub async fn next_number(tx: &mut Tx, user_id: &str) -> Result<i64, StoreError> {
    query(tx, "UPDATE users SET jobs_made = jobs_made + 1 WHERE id = $1 RETURNING jobs_made").bind(user_id).value().await
}

/// The job that made one of a user's pictures.
pub async fn of_image(tx: &mut Tx, user_id: &str, image_id: &str) -> Result<Option<String>, StoreError> {
    let text = "SELECT job_id FROM images WHERE id = $1 AND user_id = $2";
    let found: Option<(String,)> = query(tx, text).bind(image_id).bind(user_id).optional().await?;
    Ok(found.map(|(job_id,)| job_id))
}

/// A user's jobs, newest first, those older than `before` (time and name).
pub async fn of_user(db: &Db, user_id: &str, before: Option<(Timestamp, &str)>, limit: i64) -> Result<Vec<Job>, StoreError> {
    of_user_which(db, user_id, Which { before, ..Which::default() }, limit).await
}

/// Which of somebody's jobs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Which<'a> {
    /// Older than this one (time and name).
    pub before: Option<(Timestamp, &'a str)>,
    /// So many of them are passed over.
    pub offset: i64,
    /// Those of one batch.
    pub batch_key: Option<&'a str>,
}

/// Some of a user's jobs, newest first.
pub async fn of_user_which(db: &Db, user_id: &str, which: Which<'_>, limit: i64) -> Result<Vec<Job>, StoreError> {
    let (at, id) = which.before.unwrap_or((Timestamp::MAX, "~"));
    let mut listing = select(db).push("WHERE user_id = ").push_bind(user_id);
    if let Some(batch_key) = which.batch_key {
        listing = listing.push(" AND batch_key = ").push_bind(batch_key);
    }
    listing
        .push(" AND (created_at, id) < (")
        .push_bind(at)
        .push(", ")
        .push_bind(id)
        .push(") ORDER BY created_at DESC, id DESC LIMIT ")
        .push_bind(limit)
        .push(" OFFSET ")
        .push_bind(which.offset)
        .all()
        .await
}

/// Everybody's jobs, or those in one state, newest first, those older than `before` (time and name).
pub async fn everybodys(
    db: &Db,
    state: Option<JobState>,
    before: Option<(Timestamp, &str)>,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    everybodys_listing(db, state, before, limit).all().await
}

pub(crate) fn everybodys_listing<'c>(
    db: &'c Db,
    state: Option<JobState>,
    before: Option<(Timestamp, &str)>,
    limit: i64,
) -> Query<'c> {
    let (at, id) = before.unwrap_or((Timestamp::MAX, "~"));
    let mut listing = select(db).push("WHERE (created_at, id) < (").push_bind(at).push(", ").push_bind(id).push(")");
    if let Some(state) = state {
        listing = listing.push(" AND state = ").push_bind(state.name());
    }
    listing.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(limit)
}

/// How many jobs wait, and how many are being done.
pub async fn open(db: &Db) -> Result<(i64, i64), StoreError> {
    let text =
        "SELECT (SELECT COUNT(*) FROM jobs WHERE state = 'queued'), (SELECT COUNT(*) FROM jobs WHERE state = 'processing')";
    query(db, text).one().await
}

/// How many of a user's jobs have not ended, counted up to `limit`.
pub async fn open_of_user(tx: &mut Tx, user_id: &str, limit: i64) -> Result<i64, StoreError> {
    let text =
        "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE user_id = $1 AND state IN ('queued', 'processing') LIMIT $2) AS open";
    query(tx, text).bind(user_id).bind(limit).value().await
}

/// Pictures a user asked for since then, those of failed and cancelled jobs not counted.
pub async fn images_since(tx: &mut Tx, user_id: &str, since: Timestamp) -> Result<i64, StoreError> {
    let text = "SELECT CAST(COALESCE(SUM(CASE WHEN state = 'completed' THEN images_delivered ELSE images_wanted END), 0) AS BIGINT) \
                FROM jobs WHERE user_id = $1 AND created_at >= $2 AND state NOT IN ('failed', 'cancelled')";
    query(tx, text).bind(user_id).bind(since).value().await
}

/// Jobs that came by a key since then, and what of them is or may be paid: failed and cancelled ones cost nothing and count as asked for.
pub async fn of_key_since(tx: &mut Tx, key_id: &str, since: Timestamp) -> Result<(i64, Credits), StoreError> {
    let text = "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN state IN ('failed', 'cancelled') THEN 0 \
                WHEN state = 'completed' THEN unit_price * (images_delivered - images_free) ELSE unit_price * images_wanted END), 0) AS BIGINT) \
                FROM jobs WHERE api_key_id = $1 AND created_at >= $2";
    query(tx, text).bind(key_id).bind(since).one().await
}

/// What came by a key.
#[derive(Debug, Clone, PartialEq, Eq, Default, sqlx::FromRow)]
pub struct ByKey {
    /// The key.
    pub api_key_id: String,
    /// Jobs.
    pub jobs: i64,
    /// What of them is or may be paid.
    pub credits: Credits,
}

/// The same of each of a user's keys by which something came since then.
pub async fn of_keys_since(db: &Db, user_id: &str, since: Timestamp) -> Result<Vec<ByKey>, StoreError> {
    let text = "SELECT api_key_id, COUNT(*) AS jobs, CAST(COALESCE(SUM(CASE WHEN state IN ('failed', 'cancelled') THEN 0 \
                WHEN state = 'completed' THEN unit_price * (images_delivered - images_free) ELSE unit_price * images_wanted END), 0) AS BIGINT) \
                AS credits FROM jobs WHERE user_id = $1 AND api_key_id IS NOT NULL AND created_at >= $2 GROUP BY api_key_id";
    query(db, text).bind(user_id).bind(since).all().await
}

/// Where the end of a job is told, if it named somewhere.
pub async fn callback_of(tx: &mut Tx, id: &str) -> Result<Option<String>, StoreError> {
    let found: Option<(Option<String>,)> = query(tx, "SELECT callback_url FROM jobs WHERE id = $1").bind(id).optional().await?;
    Ok(found.and_then(|(url,)| url))
}

/// The ids of a user's jobs that have not ended.
pub async fn open_ids_of_user(db: &Db, user_id: &str) -> Result<Vec<String>, StoreError> {
    let text = "SELECT id FROM jobs WHERE user_id = $1 AND state IN ('queued', 'processing') ORDER BY id";
    let ids: Vec<(String,)> = query(db, text).bind(user_id).all().await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// How many jobs are in each state.
pub async fn counts(db: &Db) -> Result<Vec<(String, i64)>, StoreError> {
    query(db, "SELECT state, COUNT(*) FROM jobs GROUP BY state ORDER BY state").all().await
}

/// How a job ends.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// One of the terminal states.
    pub state: JobState,
    /// Pictures stored.
    pub images_delivered: i64,
    /// Why, for programs and for people.
    pub error: Option<(&'a str, &'a str)>,
}

/// Ends a locked job that has not ended. Whether it had not.
pub async fn end(tx: &mut Tx, id: &str, now: Timestamp, ending: Ending<'_>) -> Result<bool, StoreError> {
    let text = "UPDATE jobs SET state = $2, images_delivered = $3, error_code = $4, error_message = $5, finished_at = $6, updated_at = $6, \
                lease_owner = NULL, lease_expires_at = NULL, progress = CASE WHEN $2 = 'completed' THEN 1000 ELSE progress END \
                WHERE id = $1 AND state IN ('queued', 'processing')";
    query(tx, text)
        .bind(id)
        .bind(ending.state.name())
        .bind(ending.images_delivered)
        .bind(ending.error.map(|(code, _)| code))
        .bind(ending.error.map(|(_, message)| message))
        .bind(now)
        .changed()
        .await
}

/// Asks the worker of a job to stop.
pub async fn request_cancel(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    query(tx, "UPDATE jobs SET cancel_requested = TRUE, updated_at = $2 WHERE id = $1 AND state = 'processing'")
        .bind(id)
        .bind(now)
        .changed()
        .await
}

/// Notes with a locked job who serves it, and why; pictures its owner has paid for elsewhere count from now on.
pub async fn set_away(tx: &mut Tx, id: &str, provider: Option<&str>, away: &str, images_free: i64) -> Result<bool, StoreError> {
    let text = "UPDATE jobs SET provider = $2, away = $3, images_free = $4 WHERE id = $1 AND state = 'processing'";
    query(tx, text).bind(id).bind(provider).bind(away).bind(images_free).changed().await
}

/// Forgets what a user asked for; what it cost stays. For erasure.
pub async fn scrub(tx: &mut Tx, user_id: &str) -> Result<u64, StoreError> {
    query(tx, "UPDATE jobs SET request = '{}', error_message = NULL, callback_url = NULL, batch_key = NULL WHERE user_id = $1")
        .bind(user_id)
        .run()
        .await
}

/// Jobs that nobody has claimed in time, at most `limit`.
pub async fn overdue(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<String>, StoreError> {
    let text = "SELECT id FROM jobs WHERE state = 'queued' AND queue_ends_at <= $1 ORDER BY id LIMIT $2";
    let ids: Vec<(String,)> = query(db, text).bind(now).bind(limit).all().await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}
