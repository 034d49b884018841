//! Who works on which job, and for how long without a word.
//!
//! A claim counts the job's `attempt` up, and that number is the fence: whatever a worker writes says under which number, and a worker whose
//! lease was given to another writes nothing any more, however late it wakes up.

use crate::{
    StoreError, Timestamp, Tx,
    jobs::{COLUMNS, Job},
    query::query,
    sql::sql,
};

/// The right to write to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job_id: String,
    /// The worker.
    pub owner: String,
    /// The fence.
    pub attempt: i64,
}

/// What a worker takes.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Who takes it.
    pub owner: &'a str,
    /// The models it can serve; `None` is any.
    pub models: Option<&'a [String]>,
    /// At most so many.
    pub limit: i64,
    /// Until when, without a heartbeat.
    pub expires_at: Timestamp,
}

/// What a heartbeat tells the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Go on.
    Held,
    /// Go on or stop: the job's owner wants it no more.
    Cancelled,
    /// Stop: somebody else has it.
    Lost,
}

/// Takes the jobs that are first in the queue. Each job is taken by one worker.
///
/// The choice is a materialized CTE: PostgreSQL may run a subquery of `IN` more than once, and would then lock other rows each time.
pub async fn claim(tx: &mut Tx, now: Timestamp, claim: Claim<'_>) -> Result<Vec<Job>, StoreError> {
    let locking = tx.engine() == crate::Engine::Postgres;
    let begin =
        "WITH first AS MATERIALIZED (SELECT id FROM jobs WHERE state = 'queued' AND not_before <= $1 AND queue_ends_at > $1";
    let mut taking = query(tx, begin).bind(now);
    if let Some(models) = claim.models {
        taking = taking.push(" AND model IN ").push_in(models);
    }
    taking = taking.push(" ORDER BY queue_order, id LIMIT ").push_bind(claim.limit);
    taking = taking.push(if locking { " FOR UPDATE SKIP LOCKED)" } else { ")" });
    taking = taking
        .push(" UPDATE jobs SET state = 'processing', attempt = attempt + 1, progress = 0, lease_owner = ")
        .push_bind(claim.owner);
    taking = taking
        .push(", lease_expires_at = ")
        .push_bind(claim.expires_at)
        .push(", started_at = COALESCE(started_at, $1), updated_at = $1");
    taking = taking.push(" WHERE id IN (SELECT id FROM first) RETURNING ").push(COLUMNS);
    let mut jobs: Vec<Job> = taking.all().await?;
    jobs.sort_by(|a, b| (a.queue_order, &a.id).cmp(&(b.queue_order, &b.id)));
    Ok(jobs)
}

/// Takes the jobs that are first in the queue of those that may be sent elsewhere by now, whatever their model.
pub async fn claim_leaving(tx: &mut Tx, now: Timestamp, leaves_by: Timestamp, claim: Claim<'_>) -> Result<Vec<Job>, StoreError> {
    let locking = tx.engine() == crate::Engine::Postgres;
    let begin = "WITH first AS MATERIALIZED (SELECT id FROM jobs WHERE state = 'queued' AND not_before <= $1 AND queue_ends_at > $1 \
                 AND leaves_at <= $2 ORDER BY queue_order, id LIMIT ";
    let mut taking = query(tx, begin).bind(now).bind(leaves_by).push_bind(claim.limit);
    taking = taking.push(if locking { " FOR UPDATE SKIP LOCKED)" } else { ")" });
    taking = taking
        .push(" UPDATE jobs SET state = 'processing', attempt = attempt + 1, progress = 0, lease_owner = ")
        .push_bind(claim.owner);
    taking = taking
        .push(", lease_expires_at = ")
        .push_bind(claim.expires_at)
        .push(", started_at = COALESCE(started_at, $1), updated_at = $1");
    let mut jobs: Vec<Job> = taking.push(" WHERE id IN (SELECT id FROM first) RETURNING ").push(COLUMNS).all().await?;
    jobs.sort_by(|a, b| (a.queue_order, &a.id).cmp(&(b.queue_order, &b.id)));
    Ok(jobs)
}

/// Takes one queued job, whatever its place.
pub async fn claim_this(tx: &mut Tx, now: Timestamp, job_id: &str, claim: Claim<'_>) -> Result<Option<Job>, StoreError> {
    let text = "UPDATE jobs SET state = 'processing', attempt = attempt + 1, progress = 0, lease_owner = $2, lease_expires_at = $3, \
                started_at = COALESCE(started_at, $4), updated_at = $4 WHERE id = $1 AND state = 'queued' RETURNING ";
    query(tx, text).bind(job_id).bind(claim.owner).bind(claim.expires_at).bind(now).push(COLUMNS).optional().await
}

/// Says that the worker is still at it, and how far (thousandths).
pub async fn heartbeat(
    tx: &mut Tx,
    lease: &Lease,
    now: Timestamp,
    expires_at: Timestamp,
    progress: i64,
) -> Result<Beat, StoreError> {
    let text = "UPDATE jobs SET lease_expires_at = $4, progress = $5, updated_at = $6 \
                WHERE id = $1 AND lease_owner = $2 AND attempt = $3 AND state = 'processing' RETURNING cancel_requested";
    let held: Option<(bool,)> = query(tx, text)
        .bind(&lease.job_id)
        .bind(&lease.owner)
        .bind(lease.attempt)
        .bind(expires_at)
        .bind(progress)
        .bind(now)
        .optional()
        .await?;
    Ok(match held {
        Some((true,)) => Beat::Cancelled,
        Some((false,)) => Beat::Held,
        None => Beat::Lost,
    })
}

/// The job of a lease, locked until the transaction ends; `None` if somebody else has it, or it has ended.
pub async fn lock(tx: &mut Tx, lease: &Lease) -> Result<Option<Job>, StoreError> {
    let job = crate::jobs::lock(tx, &lease.job_id).await?;
    Ok(job.filter(|job| job.attempt == lease.attempt && job.lease_owner.as_deref() == Some(&lease.owner)))
}

/// Notes what another's service calls the job, before it is waited for.
pub async fn set_provider_task(tx: &mut Tx, lease: &Lease, provider: &str, task_id: &str) -> Result<bool, StoreError> {
    let text = "UPDATE jobs SET provider = $4, provider_task_id = $5 \
                WHERE id = $1 AND lease_owner = $2 AND attempt = $3 AND state = 'processing'";
    query(tx, text).bind(&lease.job_id).bind(&lease.owner).bind(lease.attempt).bind(provider).bind(task_id).changed().await
}

/// Notes when a job will be finished, as far as its worker can tell.
pub async fn foretell(tx: &mut Tx, lease: &Lease, at: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE jobs SET estimated_completion_at = $4 \
                WHERE id = $1 AND lease_owner = $2 AND attempt = $3 AND state = 'processing'";
    query(tx, text).bind(&lease.job_id).bind(&lease.owner).bind(lease.attempt).bind(at).changed().await
}

/// Puts a locked job back into the queue at its old place.
pub async fn requeue(
    tx: &mut Tx,
    job_id: &str,
    now: Timestamp,
    not_before: Timestamp,
    queue_ends_at: Timestamp,
) -> Result<bool, StoreError> {
    let text = "UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_expires_at = NULL, progress = 0, not_before = $2, updated_at = $4, \
                estimated_completion_at = NULL, queue_ends_at = CASE WHEN queue_ends_at < $3 THEN $3 ELSE queue_ends_at END WHERE id = $1 AND state = 'processing'";
    query(tx, text).bind(job_id).bind(not_before).bind(queue_ends_at).bind(now).changed().await
}

/// One job whose worker has said nothing for too long, locked; jobs that another sweep has locked are passed over.
pub async fn next_expired(tx: &mut Tx, now: Timestamp) -> Result<Option<Job>, StoreError> {
    let text = sql![
        "SELECT id FROM jobs WHERE state = 'processing' AND lease_expires_at <= $1 ORDER BY lease_expires_at, id LIMIT 1",
        postgres " FOR UPDATE SKIP LOCKED"
    ];
    let id: Option<(String,)> = query(&mut *tx, text).bind(now).optional().await?;
    match id {
        Some((id,)) => crate::jobs::lock(tx, &id).await,
        None => Ok(None),
    }
}

/// Gives back a worker's jobs that it has not begun to store, at a graceful end. Returns how many.
pub async fn of_owner(tx: &mut Tx, owner: &str) -> Result<Vec<String>, StoreError> {
    let ids: Vec<(String,)> =
        query(tx, "SELECT id FROM jobs WHERE lease_owner = $1 AND state = 'processing' ORDER BY id").bind(owner).all().await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// One attempt more than was allowed: for one that was given back.
pub async fn spare_attempt(tx: &mut Tx, job_id: &str) -> Result<bool, StoreError> {
    query(tx, "UPDATE jobs SET attempts_max = attempts_max + 1 WHERE id = $1").bind(job_id).changed().await
}
