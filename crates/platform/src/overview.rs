//! What an administrator sees of the whole: everybody's jobs, the record of what was done, and sums. Prompts are not among it.

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
}

impl Overview {
    /// Over this database.
    pub fn new(context: Context) -> Self {
        Self { context }
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

    /// Records that somebody brought a model into memory, or put it out.
    pub async fn note_model(&self, actor: &Actor, model: &str, loaded: bool) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let action = if loaded { "model.load" } else { "model.unload" };
        audit::append(&mut tx, &moment, actor.record(action, Some(("model", model)), &json!({}).to_string())).await?;
        Ok(tx.commit().await?)
    }
}
