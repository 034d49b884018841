//! Where attempts are written down.

use std::pin::Pin;

use thiserror::Error;

use crate::{AttemptKey, Delivery, drive::Step};

/// It was not written down: somebody else has the job, or there is nowhere to write to.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("the attempt was not written down")]
pub struct NotWritten;

/// Keeps what is known of attempts. A write that returns holds through a crash; one by a worker that lost its lease fails.
pub trait Journal: Send + Sync {
    /// Replaces what is known of an attempt.
    fn write<'a>(
        &'a self,
        key: &'a AttemptKey,
        step: &'a Step,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotWritten>> + Send + 'a>>;

    /// Keeps what a provider has answered at once, until the attempt ends.
    fn keep_answer<'a>(
        &'a self,
        key: &'a AttemptKey,
        answer: &'a Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotWritten>> + Send + 'a>>;

    /// What was kept of an attempt's answer.
    fn kept_answer<'a>(
        &'a self,
        key: &'a AttemptKey,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Delivery>, NotWritten>> + Send + 'a>>;
}
