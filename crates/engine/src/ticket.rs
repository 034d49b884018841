//! A request's owner holds its [`Ticket`]: events come out of it, and dropping it cancels the request.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::Serialize;
use tracing::Span;

use crate::{EngineError, Event, Picture, Planned, Resolved, engine::Shared, events::Mailbox};

/// Names a request within one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An accepted request on its way to the worker.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: RequestId,
    pub(crate) planned: Planned,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) cancelled: Arc<AtomicBool>,
    /// The submitter's span, entered on the device's thread, so that a trace survives the hop.
    pub(crate) span: Span,
}

impl Job {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Every picture, in order.
    Finished(Vec<Picture>),
    /// It failed.
    Failed(EngineError),
    /// It was cancelled.
    Cancelled,
}

/// The claim on an accepted request. Dropping it cancels the request.
#[derive(Debug)]
pub struct Ticket {
    canceller: Canceller,
    mailbox: Arc<Mailbox>,
    resolved: Vec<Resolved>,
}

impl Ticket {
    pub(crate) fn new(job: &Job, shared: Arc<Shared>) -> Self {
        Self {
            canceller: Canceller { id: job.id, cancelled: Arc::clone(&job.cancelled), shared },
            mailbox: Arc::clone(&job.mailbox),
            resolved: job.planned.resolved.clone(),
        }
    }

    /// The request's name within this engine.
    pub fn id(&self) -> RequestId {
        self.canceller.id
    }

    /// What each picture will be made with.
    pub fn resolved(&self) -> &[Resolved] {
        &self.resolved
    }

    /// The next event; `None` after the last one. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.mailbox.next().await
    }

    /// Waits for the end, ignoring progress.
    pub async fn outcome(mut self) -> Outcome {
        while let Some(event) = self.next().await {
            match event {
                Event::Finished(pictures) => return Outcome::Finished(pictures),
                Event::Failed(error) => return Outcome::Failed(error),
                Event::Cancelled => return Outcome::Cancelled,
                Event::Queued { .. } | Event::Started | Event::Step { .. } | Event::Decoded { .. } => {}
            }
        }
        // The last event had been taken through `next` before.
        Outcome::Cancelled
    }

    /// Stops the request before its next step. Its last event will be `Cancelled`, unless it ended earlier.
    pub fn cancel(&self) {
        self.canceller.cancel();
    }

    /// Lets somebody else cancel it.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Cancels a request from anywhere; does nothing once it has ended.
#[derive(Debug, Clone)]
pub struct Canceller {
    id: RequestId,
    cancelled: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

impl Canceller {
    /// Stops the request before its next step.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        // A waiting request gives its place up at once; one being drawn is stopped by the worker.
        if let Some(job) = self.shared.queue.remove(self.id) {
            job.mailbox.push(Event::Cancelled);
        }
    }
}
