//! Where an attempt is written down: in the database, under the lease of the job, so that a worker that was thought dead sends nothing more.

use std::{
    pin::Pin,
    sync::{Mutex, MutexGuard},
};

use easel_providers::{AttemptKey, Delivery, Journal, NotWritten, Step, TaskHandle};
use easel_store::{leases::Lease, provider_answers, provider_attempts};

use super::{Fallback, spend};
use crate::{PlatformError, context::retry};

/// The journal of one job's attempts.
pub(super) struct Pages<'a> {
    pub fallback: &'a Fallback,
    pub lease: &'a Lease,
    /// What a provider is at: known here before it is written down, and after the job's end has overwritten it there.
    under_way: Mutex<Option<TaskHandle>>,
}

impl<'a> Pages<'a> {
    /// Of an attempt of which so much is known.
    pub fn new(fallback: &'a Fallback, lease: &'a Lease, known: Option<&Step>) -> Self {
        Self { fallback, lease, under_way: Mutex::new(known.and_then(task_of).cloned()) }
    }

    /// What the provider is at, if it took something on and has not ended it.
    pub fn under_way(&self) -> Option<TaskHandle> {
        self.task().clone()
    }

    /// The provider has nothing left to do.
    pub fn forget(&self) {
        *self.task() = None;
    }

    fn task(&self) -> MutexGuard<'_, Option<TaskHandle>> {
        self.under_way.lock().expect("no thread panics while it holds this. This is a bug.")
    }
}

fn task_of(step: &Step) -> Option<&TaskHandle> {
    match step {
        Step::Accepted { task } => Some(task),
        Step::Intended { .. } | Step::Ended { .. } => None,
    }
}

impl Journal for Pages<'_> {
    fn write<'a>(
        &'a self,
        key: &'a AttemptKey,
        step: &'a Step,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotWritten>> + Send + 'a>> {
        *self.task() = task_of(step).cloned();
        Box::pin(async move {
            retry!(self.write_once(key, step)).map_err(|error| {
                tracing::warn!(job = self.lease.job_id, error = ?error, "an attempt elsewhere could not be written down");
                NotWritten
            })
        })
    }

    fn keep_answer<'a>(
        &'a self,
        key: &'a AttemptKey,
        answer: &'a Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotWritten>> + Send + 'a>> {
        Box::pin(async move {
            let answer = answer.to_json();
            retry!(self.keep_once(key, &answer)).map_err(|error| {
                tracing::warn!(job = self.lease.job_id, error = ?error, "an answer from elsewhere could not be kept");
                NotWritten
            })
        })
    }

    fn kept_answer<'a>(
        &'a self,
        key: &'a AttemptKey,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Delivery>, NotWritten>> + Send + 'a>> {
        Box::pin(async move {
            let kept = provider_answers::of_attempt(&self.fallback.context.db, key.as_str()).await;
            let kept = kept.map_err(|error| {
                tracing::warn!(job = self.lease.job_id, error = ?error, "an answer from elsewhere could not be read");
                NotWritten
            })?;
            Ok(kept.as_deref().and_then(Delivery::from_json))
        })
    }
}

impl Pages<'_> {
    /// Under the lease, and only while the attempt is under way.
    async fn keep_once(&self, key: &AttemptKey, answer: &str) -> Result<(), PlatformError> {
        let now = self.fallback.context.now();
        let mut tx = self.fallback.context.db.begin().await?;
        easel_store::leases::lock(&mut tx, self.lease).await?.ok_or(PlatformError::LeaseLost)?;
        let open = provider_attempts::open_of_job(&mut tx, &self.lease.job_id).await?;
        if !open.iter().any(|attempt| attempt.attempt_key == key.as_str()) {
            return Err(PlatformError::LeaseLost);
        }
        provider_answers::keep(&mut tx, key.as_str(), now, answer).await?;
        Ok(tx.commit().await?)
    }

    async fn write_once(&self, key: &AttemptKey, step: &Step) -> Result<(), PlatformError> {
        let now = self.fallback.context.now();
        let mut tx = self.fallback.context.db.begin().await?;
        easel_store::leases::lock(&mut tx, self.lease).await?.ok_or(PlatformError::LeaseLost)?;
        match step {
            Step::Ended { failure } => {
                let open = provider_attempts::open_of_job(&mut tx, &self.lease.job_id).await?;
                let attempt = open.iter().find(|attempt| attempt.attempt_key == key.as_str()).ok_or(PlatformError::LeaseLost)?;
                let spent = spend::cost_of_failure(attempt, failure.as_ref());
                spend::settle(&mut tx, now, attempt, step, spent, None).await?;
            }
            step => {
                let task = task_of(step);
                let task_id = task.map(|task| task.id.as_str());
                let text = serde_json::to_string(step).expect("a step is plain data. This is a bug.");
                if !provider_attempts::set_step(&mut tx, key.as_str(), now, &text, task_id).await? {
                    return Err(PlatformError::LeaseLost);
                }
                if let Some(task) = task {
                    easel_store::leases::set_provider_task(&mut tx, self.lease, task.provider.as_str(), &task.id).await?;
                }
            }
        }
        Ok(tx.commit().await?)
    }
}
