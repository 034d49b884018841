//! What an administrator sees of the whole: everybody's jobs, the record of what was done, and sums. Prompts are not among it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use easel_store::{
    Timestamp,
    audit::{self, Record},
    jobs::{self, Job, JobState},
    usage::{self, Everybody},
    users,
};
use serde_json::json;

use crate::{Context, PlatformError, accounts::Actor};

/// Rows of a page, and one to know whether there are more.
const ROWS_MAX: i64 = 101;
/// Days that sums are shown of.
const DAYS: i64 = 30;

/// A day, as those have it who count who was here.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Days that a month has for them.
const MONTH_DAYS: u32 = 30;
/// How long a count of everybody is good: whoever reads metrics does so often.
const COUNTED_FOR: Duration = Duration::from_secs(60);

/// People who were here lately, on any node, by the last use of their sessions and API keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Within 24 hours.
    pub day: i64,
    /// Within 30 days.
    pub month: i64,
}

/// Sums over everybody.
#[derive(Debug, Clone)]
pub struct Totals {
    /// People.
    pub users: i64,
    /// Jobs that wait.
    pub jobs_queued: i64,
    /// Jobs that are being done.
    pub jobs_processing: i64,
    /// The last thirty days on which something was used, in order.
    pub days: Vec<Everybody>,
}

/// The whole, as administrators see it.
#[derive(Debug, Clone)]
pub struct Overview {
    pub(crate) context: Context,
    /// What was counted last, and when.
    seen: Arc<Mutex<Option<(Timestamp, Seen)>>>,
}

impl Overview {
    /// Over this database.
    pub fn new(context: Context) -> Self {
        Self { context, seen: Arc::default() }
    }

    /// Everybody's jobs, or those in one state, newest first, those after `after` of the list, at most a hundred and one.
    pub async fn jobs(
        &self,
        state: Option<JobState>,
        after: Option<(Timestamp, &str)>,
        limit: i64,
    ) -> Result<Vec<Job>, PlatformError> {
        Ok(jobs::everybodys(&self.context.db, state, after, limit.clamp(1, ROWS_MAX)).await?)
    }

    /// What was done, newest first, before row `before` of the record, at most a hundred and one rows.
    pub async fn record(&self, before: Option<i64>, limit: i64) -> Result<Vec<Record>, PlatformError> {
        Ok(audit::recent(&self.context.db, before.unwrap_or(i64::MAX), limit.clamp(1, ROWS_MAX)).await?)
    }

    /// Sums.
    pub async fn totals(&self) -> Result<Totals, PlatformError> {
        let db = &self.context.db;
        let today = self.context.now().day();
        let (jobs_queued, jobs_processing) = jobs::open(db).await?;
        let days = usage::of_everybody(db, today - DAYS + 1, today).await?;
        Ok(Totals { users: users::count(db).await?, jobs_queued, jobs_processing, days })
    }

    /// Who was here lately, counted at most once a minute.
    pub async fn seen(&self) -> Result<Seen, PlatformError> {
        let now = self.context.now();
        let counted = *self.counted();
        if let Some((at, seen)) = counted
            && now < at.after(COUNTED_FOR)
        {
            return Ok(seen);
        }
        let db = &self.context.db;
        let day = users::count_seen(db, now.before(DAY)).await?;
        let month = users::count_seen(db, now.before(DAY * MONTH_DAYS)).await?;
        let seen = Seen { day, month };
        *self.counted() = Some((now, seen));
        Ok(seen)
    }

    /// What operators see of who was here lately, in Prometheus' text format, without the end of the text.
    pub async fn metrics(&self) -> Result<String, PlatformError> {
        let Seen { day, month } = self.seen().await?;
        Ok(format!(
            "# HELP active_users_24h People who were here within 24 hours.\n# TYPE active_users_24h gauge\nactive_users_24h {day}\n\
             # HELP active_users_30d People who were here within 30 days.\n# TYPE active_users_30d gauge\nactive_users_30d {month}\n"
        ))
    }

    /// A count is right after whatever panicked with it.
    fn counted(&self) -> MutexGuard<'_, Option<(Timestamp, Seen)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that somebody brought a model into memory, or put it out.
    pub async fn note_model(&self, actor: &Actor, model: &str, loaded: bool) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let action = if loaded { "model.load" } else { "model.unload" };
        audit::append(&mut tx, &moment, actor.record(action, Some(("model", model)), &json!({}).to_string())).await?;
        Ok(tx.commit().await?)
    }
}
