//! Jobs nobody speaks for: their worker is silent, nobody has claimed them in time, or their owner wants them no more.

use easel_store::{
    Timestamp, Tx,
    jobs::{self, Job, JobState},
    leases,
};
use serde::Serialize;

use super::{Jobs, end};
use crate::{PlatformError, bus::What, context::retry};

/// Jobs looked at in one turn.
const TURN: i64 = 100;

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Swept {
    /// Put back into the queue: their worker was silent.
    pub requeued: u64,
    /// Ended: their worker was silent for the last time.
    pub exhausted: u64,
    /// Ended: their owner had wanted them no more, and their worker was silent.
    pub cancelled: u64,
    /// Ended: nobody claimed them in time.
    pub overdue: u64,
}

impl Jobs {
    /// Sees to every job nobody speaks for. Any number of nodes may do this at once.
    pub async fn sweep(&self) -> Result<Swept, PlatformError> {
        let mut swept = Swept::default();
        while retry!(self.sweep_lease(&mut swept))? {}
        loop {
            let overdue = jobs::overdue(&self.context.db, self.context.now(), TURN).await?;
            for job_id in &overdue {
                swept.overdue += u64::from(retry!(self.sweep_overdue(job_id))?);
            }
            if overdue.is_empty() {
                return Ok(swept);
            }
        }
    }

    /// One job whose worker is silent: put back, or ended. Whether there was one.
    async fn sweep_lease(&self, swept: &mut Swept) -> Result<bool, PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let Some(job) = leases::next_expired(&mut tx, moment.now).await? else { return Ok(false) };
        let (counted, what) = if job.cancel_requested {
            end::without_result(&mut tx, &moment, &job, JobState::Cancelled, None).await?;
            (&mut swept.cancelled, What::Ended { state: JobState::Cancelled })
        } else if job.attempt < job.attempts_max {
            self.put_back(&mut tx, &job, moment.now).await?;
            (&mut swept.requeued, What::Queued)
        } else {
            let error = ("attempts_exhausted", "the job was begun several times and never finished");
            end::without_result(&mut tx, &moment, &job, JobState::Failed, Some(error)).await?;
            (&mut swept.exhausted, What::Ended { state: JobState::Failed })
        };
        tx.commit().await?;
        if let What::Ended { state } = what {
            self.counts.ended(&job, state);
        }
        self.bus.tell(&job.id, &job.user_id, what);
        *counted += 1;
        Ok(true)
    }

    async fn sweep_overdue(&self, job_id: &str) -> Result<bool, PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let job = jobs::lock(&mut tx, job_id).await?;
        let Some(job) = job.filter(|job| job.state == JobState::Queued && job.queue_ends_at <= moment.now) else {
            return Ok(false);
        };
        let error = ("queue_timeout", "no worker took the job in time");
        end::without_result(&mut tx, &moment, &job, JobState::Failed, Some(error)).await?;
        tx.commit().await?;
        self.counts.ended(&job, JobState::Failed);
        self.bus.tell(&job.id, &job.user_id, What::Ended { state: JobState::Failed });
        Ok(true)
    }

    /// Cancels one of a user's jobs: at once if it waits, as soon as its worker hears of it otherwise. Returns its state.
    pub async fn cancel(&self, user_id: &str, job_id: &str) -> Result<JobState, PlatformError> {
        let state = retry!(self.cancel_once(user_id, job_id))?;
        let what = if state == JobState::Processing { What::CancelRequested } else { What::Ended { state } };
        self.bus.tell(job_id, user_id, what);
        Ok(state)
    }

    async fn cancel_once(&self, user_id: &str, job_id: &str) -> Result<JobState, PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let job =
            jobs::lock(&mut tx, job_id).await?.filter(|job| job.user_id == user_id).ok_or(PlatformError::NotFound("job"))?;
        let state = match job.state {
            JobState::Queued => {
                end::without_result(&mut tx, &moment, &job, JobState::Cancelled, None).await?;
                JobState::Cancelled
            }
            JobState::Processing => {
                jobs::request_cancel(&mut tx, job_id, moment.now).await?;
                JobState::Processing
            }
            ended => ended,
        };
        tx.commit().await?;
        if job.state == JobState::Queued {
            self.counts.ended(&job, state);
        }
        Ok(state)
    }

    /// Puts a locked job back, after a pause that doubles with each attempt.
    pub(super) async fn put_back(&self, tx: &mut Tx, job: &Job, now: Timestamp) -> Result<(), PlatformError> {
        let doublings = u32::try_from(job.attempt.saturating_sub(1).clamp(0, 10)).unwrap_or(0);
        let not_before = now.after(self.settings.retry_pause * 2_u32.pow(doublings));
        leases::requeue(tx, &job.id, now, not_before, not_before.after(self.settings.queue_ttl)).await?;
        Ok(())
    }
}
