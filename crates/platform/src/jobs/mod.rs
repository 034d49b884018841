//! Jobs from submission to their end.
//!
//! Submitting is one transaction: idempotency key, limits, hold, job. Finishing is one transaction: pictures, capture, usage, event, and the
//! job's end. Everything a worker writes is under its lease and attempt number, so a worker that was thought dead changes nothing when it
//! wakes up. Computing happens at least once, its result is seen and paid exactly once. A job that ends any other way releases its hold.
//!
//! | rule | file |
//! |---|---|
//! | what is accepted, and what it costs | `submit.rs` |
//! | what a worker may do | `work.rs` |
//! | how a job ends, however it ends | `end.rs` |
//! | what happens to jobs nobody speaks for | `sweep.rs` |
//! | what operators see of all of them | `counts.rs` |

mod counts;
mod end;
mod submit;
mod sweep;
mod work;

use std::time::Duration;

use easel_store::{
    Timestamp,
    jobs::{self, Job},
};

use crate::{
    Context, PlatformError,
    accounts::Legal,
    bus::Bus,
    plans::Catalogue,
    safety::{Filter, Guard},
};

pub use easel_store::jobs::Which;
pub(crate) use submit::month_of;
pub use submit::{NewJob, Submitted};
pub use sweep::Swept;
pub use work::{Failure, NewImage, Results};

/// Jobs that a page may pass over.
pub const OFFSET_MAX: i64 = 10_000;

/// Times and limits of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a worker may say nothing.
    pub lease: Duration,
    /// How often a job is begun; a worker that dies counts.
    pub attempts_max: i64,
    /// The pause before a job is tried again, doubled each time.
    pub retry_pause: Duration,
    /// How long a job may wait for a worker.
    pub queue_ttl: Duration,
    /// How far ahead one point of priority puts a job: waiting that long is worth as much.
    pub priority_worth: Duration,
    /// Jobs of one user that have not ended, where the plan does not say; `None` is any number.
    pub jobs_open_max: Option<i64>,
    /// Pictures of one user a day, whatever the plan says: the lower counts; `None` is what the plan says.
    pub images_daily_max: Option<i64>,
    /// How long an idempotency key is kept.
    pub key_ttl: Duration,
    /// Pictures of one job.
    pub images_max: i64,
    /// Credits are charged; otherwise what is used is only counted.
    pub charging: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            attempts_max: 3,
            retry_pause: Duration::from_secs(2),
            queue_ttl: Duration::from_secs(300),
            priority_worth: Duration::from_secs(6),
            jobs_open_max: Some(100),
            images_daily_max: None,
            key_ttl: Duration::from_secs(24 * 3600),
            images_max: 16,
            charging: true,
        }
    }
}

/// The jobs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Jobs {
    context: Context,
    catalogue: Catalogue,
    settings: Settings,
    bus: Bus,
    guard: Guard,
    legal: Legal,
    counts: counts::Counts,
}

impl Jobs {
    /// Over this database, with these plans.
    pub fn new(context: Context, catalogue: Catalogue, settings: Settings) -> Self {
        let guard = Guard::new(context.clone(), Filter::embedded());
        let (bus, legal, counts) = (Bus::default(), Legal::default(), counts::Counts::default());
        Self { context, catalogue, settings, bus, guard, legal, counts }
    }

    /// For people who have agreed to these papers in their versions of now, and for nobody else.
    #[must_use]
    pub fn with_legal(self, legal: Legal) -> Self {
        Self { legal, ..self }
    }

    /// With another filter of what is to be drawn than the one that comes with the program.
    #[must_use]
    pub fn with_guard(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// Who looks through what is asked for and at what comes of it.
    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Where everything that happens to jobs is told.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Times and limits.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// One of a user's jobs. Others' are not found.
    pub async fn get(&self, user_id: &str, job_id: &str) -> Result<Job, PlatformError> {
        let job = jobs::by_id(&self.context.db, job_id).await?;
        job.filter(|job| job.user_id == user_id).ok_or(PlatformError::NotFound("job"))
    }

    /// A user's jobs, newest first, at most a hundred and one, those after `after` of the list.
    pub async fn list(&self, user_id: &str, after: Option<(Timestamp, &str)>, limit: i64) -> Result<Vec<Job>, PlatformError> {
        self.list_which(user_id, Which { before: after, ..Which::default() }, limit).await
    }

    /// Some of a user's jobs, newest first, at most a hundred and one.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] for an offset below 0 or above [`OFFSET_MAX`]: what is passed over is read all the same.
    pub async fn list_which(&self, user_id: &str, which: Which<'_>, limit: i64) -> Result<Vec<Job>, PlatformError> {
        if !(0..=OFFSET_MAX).contains(&which.offset) {
            let problem = "must be between 0 and 10000: `cursor` goes further";
            return Err(PlatformError::Invalid { field: "offset", problem });
        }
        if which.batch_key.is_some_and(|key| key.contains('\0')) {
            // Which no key has, and PostgreSQL cannot even look for.
            return Ok(Vec::new());
        }
        Ok(jobs::of_user_which(&self.context.db, user_id, which, limit.clamp(1, 101)).await?)
    }
}
