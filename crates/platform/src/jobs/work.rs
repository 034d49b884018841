//! What a worker may do: take jobs, say that it is at them, and end them.

use std::time::Duration;

use easel_store::{
    Credits, Timestamp,
    images::{self, Image},
    jobs::{self, Job, JobState},
    leases::{self, Beat, Claim, Lease},
    usage::{self, Usage},
    users,
};

use serde::{Deserialize, Serialize};

use super::{Jobs, end};
use crate::{PlatformError, bus::What, context::retry, fallback::Away};

/// A finished picture whose bytes are stored and will survive a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewImage {
    /// Its place in the job, from 0.
    pub index: i64,
    /// Where its bytes are.
    pub storage_key: String,
    /// Where its small version is.
    pub thumbnail_key: Option<String>,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
    /// How many bytes, the small version's included.
    pub bytes: i64,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// `png`, `jpeg`, `webp`.
    pub format: String,
    /// What it was asked to draw.
    pub prompt: String,
    /// A placeholder while it loads.
    pub blurhash: Option<String>,
    /// JSON: seed, sampler, steps and what else was used.
    pub parameters: String,
}

/// What a job brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Results {
    /// The pictures; fewer than were asked for are paid for as what they are.
    pub images: Vec<NewImage>,
    /// Milliseconds on a device.
    pub gpu_ms: i64,
}

/// Why a job was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// For programs.
    pub code: &'a str,
    /// For people; without internals.
    pub message: &'a str,
    /// Another attempt may succeed.
    pub retryable: bool,
}

impl Jobs {
    /// Takes the jobs that are first in the queue and that the worker can serve (`None` is any model).
    pub async fn claim(&self, worker: &str, models: Option<&[String]>, limit: i64) -> Result<Vec<Job>, PlatformError> {
        retry!(self.claim_once(worker, models, limit))
    }

    async fn claim_once(&self, worker: &str, models: Option<&[String]>, limit: i64) -> Result<Vec<Job>, PlatformError> {
        let now = self.context.now();
        let claim = Claim { owner: worker, models, limit, expires_at: now.after(self.settings.lease) };
        let mut tx = self.context.db.begin().await?;
        let claimed = leases::claim(&mut tx, now, claim).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Takes the jobs that are first in the queue of those that may be sent elsewhere by `leaves_by`, whatever their model.
    pub async fn claim_leaving(&self, worker: &str, leaves_by: Timestamp, limit: i64) -> Result<Vec<Job>, PlatformError> {
        retry!(self.claim_leaving_once(worker, leaves_by, limit))
    }

    async fn claim_leaving_once(&self, worker: &str, leaves_by: Timestamp, limit: i64) -> Result<Vec<Job>, PlatformError> {
        let now = self.context.now();
        let claim = Claim { owner: worker, models: None, limit, expires_at: now.after(self.settings.lease) };
        let mut tx = self.context.db.begin().await?;
        let claimed = leases::claim_leaving(&mut tx, now, leaves_by, claim).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// The lease of a job that was just claimed.
    pub fn lease_of(job: &Job) -> Option<Lease> {
        let owner = job.lease_owner.clone()?;
        Some(Lease { job_id: job.id.clone(), owner, attempt: job.attempt })
    }

    /// Says that the worker is still at it, and how far (thousandths). To be called by something else than what draws, and only while that
    /// makes progress; every third of the lease is often enough.
    pub async fn heartbeat(&self, lease: &Lease, progress: i64) -> Result<Beat, PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        let beat = leases::heartbeat(&mut tx, lease, now, now.after(self.settings.lease), progress.clamp(0, 1000)).await?;
        tx.commit().await?;
        Ok(beat)
    }

    /// Notes when a job will be finished, as far as its worker can tell. Whether the worker still has it.
    pub async fn foretell(&self, lease: &Lease, left: Duration) -> Result<bool, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let held = leases::foretell(&mut tx, lease, self.context.now().after(left)).await?;
        tx.commit().await?;
        Ok(held)
    }

    /// Notes what another's service calls the job, before it is waited for: after a crash it is asked for and not ordered again.
    pub async fn note_provider_task(&self, lease: &Lease, provider: &str, task_id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        if !leases::set_provider_task(&mut tx, lease, provider, task_id).await? {
            return Err(PlatformError::LeaseLost);
        }
        Ok(tx.commit().await?)
    }

    /// Ends a job with its pictures. Doing it again after an answer that was lost changes nothing.
    ///
    /// # Errors
    /// [`PlatformError::LeaseLost`] if somebody else has the job or it has ended otherwise: the pictures are then not the job's.
    pub async fn finish(&self, lease: &Lease, results: &Results) -> Result<(), PlatformError> {
        if let Some(user_id) = retry!(self.finish_once(lease, results))? {
            self.bus.tell(&lease.job_id, &user_id, What::Ended { state: JobState::Completed });
        }
        Ok(())
    }

    /// The owner of the job that was ended; none if it had been before.
    async fn finish_once(&self, lease: &Lease, results: &Results) -> Result<Option<String>, PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let Some(job) = leases::lock(&mut tx, lease).await? else {
            drop(tx);
            return self.finished_before(lease).await.map(|()| None);
        };
        let delivered = i64::try_from(results.images.len()).unwrap_or(i64::MAX);
        if delivered == 0 || delivered > job.images_wanted {
            return Err(PlatformError::Invalid { field: "number of images", problem: "is not what was asked for" });
        }
        let generation_ms = took(&job, results, moment.now);
        for (place, image) in (0..).zip(&results.images) {
            // What its owner has paid for elsewhere costs nothing here.
            let cost = if place < job.images_free { Credits::ZERO } else { job.unit_price };
            let row = Image { generation_ms, cost: Some(cost), ..row(&job, image, moment.id(), moment.now) };
            images::insert(&mut tx, &row).await?;
        }
        let credits = end::with_images(&mut tx, &moment, &job, delivered).await?;
        let bytes = results.images.iter().map(|image| image.bytes).sum();
        let used = Usage {
            day: moment.now.day(),
            jobs: 1,
            images: delivered,
            credits,
            bytes,
            gpu_ms: results.gpu_ms,
            provider_cost_micros: paid_others(&job),
        };
        usage::add(&mut tx, &job.user_id, used).await?;
        tx.commit().await?;
        self.counts.ended(&job, JobState::Completed);
        if credits > Credits::ZERO {
            // Whoever cannot be found any more has the first plan, as everywhere; numbers are no reason to fail.
            let user = users::by_id(&self.context.db, &job.user_id).await.ok().flatten();
            let plan = user.map_or_else(|| self.catalogue.first(), |user| self.catalogue.of(&user, moment.now));
            self.counts.used(&job.model, &plan.name, credits);
        }
        Ok(Some(job.user_id))
    }

    /// A commit whose answer was lost is a success.
    async fn finished_before(&self, lease: &Lease) -> Result<(), PlatformError> {
        let job = jobs::by_id(&self.context.db, &lease.job_id).await?;
        let same = job.is_some_and(|job| job.state == JobState::Completed && job.attempt == lease.attempt);
        if same { Ok(()) } else { Err(PlatformError::LeaseLost) }
    }

    /// Ends a job without pictures, or puts it back if another attempt may succeed and there is one left.
    pub async fn fail(&self, lease: &Lease, failure: Failure<'_>) -> Result<JobState, PlatformError> {
        let (state, user_id) = retry!(self.fail_once(lease, failure))?;
        let what = if state == JobState::Queued { What::Queued } else { What::Ended { state } };
        self.bus.tell(&lease.job_id, &user_id, what);
        Ok(state)
    }

    async fn fail_once(&self, lease: &Lease, failure: Failure<'_>) -> Result<(JobState, String), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let job = leases::lock(&mut tx, lease).await?.ok_or(PlatformError::LeaseLost)?;
        let state = if job.cancel_requested {
            end::without_result(&mut tx, &moment, &job, JobState::Cancelled, None).await?;
            JobState::Cancelled
        } else if failure.retryable && job.attempt < job.attempts_max {
            self.put_back(&mut tx, &job, moment.now).await?;
            JobState::Queued
        } else {
            end::without_result(&mut tx, &moment, &job, JobState::Failed, Some((failure.code, failure.message))).await?;
            JobState::Failed
        };
        tx.commit().await?;
        if state.is_terminal() {
            self.counts.ended(&job, state);
        }
        Ok((state, job.user_id))
    }

    /// Ends a job that nobody waits for any more: nothing is paid.
    pub async fn give_up(&self, lease: &Lease) -> Result<(), PlatformError> {
        if let Some(user_id) = retry!(self.give_up_once(lease))? {
            self.bus.tell(&lease.job_id, &user_id, What::Ended { state: JobState::Cancelled });
        }
        Ok(())
    }

    async fn give_up_once(&self, lease: &Lease) -> Result<Option<String>, PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let Some(job) = leases::lock(&mut tx, lease).await? else { return Ok(None) };
        end::without_result(&mut tx, &moment, &job, JobState::Cancelled, None).await?;
        tx.commit().await?;
        self.counts.ended(&job, JobState::Cancelled);
        Ok(Some(job.user_id))
    }

    /// Gives back everything a worker has, at a graceful end. Not an attempt: the jobs may be begun as often as before. Returns how many.
    pub async fn hand_back(&self, worker: &str) -> Result<usize, PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        let mine = leases::of_owner(&mut tx, worker).await?;
        for job_id in &mine {
            leases::spare_attempt(&mut tx, job_id).await?;
            leases::requeue(&mut tx, job_id, now, now, now.after(self.settings.queue_ttl)).await?;
        }
        tx.commit().await?;
        Ok(mine.len())
    }
}

/// What the operator has paid for a job elsewhere; with an account of its owner's that is nothing.
fn paid_others(job: &Job) -> i64 {
    let away = Away::of(job).filter(|away| away.served_by.as_ref().is_some_and(|by| !by.own));
    away.map_or(0, |away| i64::try_from(away.cost.0).unwrap_or(i64::MAX))
}

/// How long each picture took: its share of the device's time, or of the job's where that is not known.
fn took(job: &Job, results: &Results, now: Timestamp) -> Option<i64> {
    let since_start = || job.started_at.map(|at| i64::try_from(at.until(now).as_millis()).unwrap_or(i64::MAX));
    let whole = Some(results.gpu_ms).filter(|&ms| ms > 0).or_else(since_start)?;
    Some(whole / i64::try_from(results.images.len()).ok().filter(|&count| count > 0)?)
}

fn row(job: &Job, image: &NewImage, id: String, now: Timestamp) -> Image {
    let parameters: serde_json::Value = serde_json::from_str(&image.parameters).unwrap_or_default();
    // What lists are filtered by; nothing that is too long to be a name.
    let named = |name: &str| parameters[name].as_str().filter(|text| text.len() <= 64 && !text.contains('\0')).map(str::to_owned);
    Image {
        id,
        job_id: job.id.clone(),
        job_index: image.index,
        user_id: job.user_id.clone(),
        storage_key: image.storage_key.clone(),
        thumbnail_key: image.thumbnail_key.clone(),
        sha256: image.sha256.clone(),
        bytes: image.bytes,
        width: image.width,
        height: image.height,
        format: image.format.clone(),
        model: job.model.clone(),
        prompt: image.prompt.clone(),
        title: None,
        blurhash: image.blurhash.clone(),
        parameters: image.parameters.clone(),
        is_public: false,
        is_favourite: false,
        created_at: now,
        deleted_at: None,
        purged_at: None,
        purge_at: None,
        sampler: named("sampler"),
        // Pictures that were drawn here tell it as their task.
        mode: named("mode").or_else(|| named("task")),
        published_at: None,
        shows_prompt: false,
        hidden_at: None,
        hidden_reason: None,
        like_count: 0,
        comment_count: 0,
        view_count: 0,
        trend: None,
        generation_ms: None,
        cost: None,
        organization_id: job.organization_id.clone(),
    }
}
