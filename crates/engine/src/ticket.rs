//! A request's owner holds its [`Ticket`]: events come out of it, and dropping it cancels the request.

use std::{fmt, sync::Arc};

use serde::Serialize;
use slotmap::Key;

use crate::{EngineError, Event, Picture, Planned, Resolved, engine::Shared, events::Mailbox, scheduler::RequestKey};

/// Names a request within one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct RequestId(pub u64);

impl RequestId {
    pub(crate) fn of(key: RequestKey) -> Self {
        Self(key.data().as_ffi())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
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
    planned: Arc<Planned>,
}

impl Ticket {
    pub(crate) fn new(key: RequestKey, mailbox: Arc<Mailbox>, planned: Arc<Planned>, shared: Arc<Shared>) -> Self {
        Self { canceller: Canceller { key, shared }, mailbox, planned }
    }

    /// The request's name within this engine.
    pub fn id(&self) -> RequestId {
        RequestId::of(self.canceller.key)
    }

    /// What each picture will be made with.
    pub fn resolved(&self) -> &[Resolved] {
        &self.planned.resolved
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
                Event::Queued { .. } | Event::Started | Event::Step { .. } | Event::Preview { .. } | Event::Decoded { .. } => {}
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
    key: RequestKey,
    shared: Arc<Shared>,
}

impl Canceller {
    /// Stops the request before its next step; it gives its place up at once.
    pub fn cancel(&self) {
        self.shared.cancel(self.key);
    }
}
