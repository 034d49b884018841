//! What a request's owner hears: events through a mailbox that never blocks the device's thread.
//!
//! The mailbox is bounded. When it is full, progress (steps, positions, decoded counts) makes room; states never get lost, because there
//! are at most two of them that are not progress: `Started` and the one that ends it.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use easel_types::Rgb8;
use tokio::sync::Notify;

use crate::{EngineError, Resolved};

/// Events kept for an owner who does not read.
const MAILBOX_MAX: usize = 64;

/// A finished picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Its place among the request's pictures, from 0.
    pub index: u32,
    /// The picture.
    pub image: Rgb8,
    /// What it was made with.
    pub resolved: Resolved,
}

/// Something that happened to a request. The last of them is `Finished`, `Failed` or `Cancelled`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// It waits; `position` requests are ahead of it.
    Queued {
        /// Waiting requests ahead of it.
        position: usize,
    },
    /// The device has begun.
    Started,
    /// A step is done, averaged over the request's pictures.
    Step {
        /// Steps done.
        index: u32,
        /// Steps to do.
        total: u32,
        /// Picture-steps a second, so far.
        rate: f64,
    },
    /// Pictures have been decoded.
    Decoded {
        /// Pictures decoded.
        index: u32,
        /// Pictures to decode.
        total: u32,
    },
    /// Every picture, in order.
    Finished(Vec<Picture>),
    /// It failed.
    Failed(EngineError),
    /// It was cancelled.
    Cancelled,
}

impl Event {
    /// No event follows this one.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Finished(_) | Self::Failed(_) | Self::Cancelled)
    }

    fn is_progress(&self) -> bool {
        matches!(self, Self::Queued { .. } | Self::Step { .. } | Self::Decoded { .. })
    }
}

/// One writer at a time (queue or worker), one reader (the ticket).
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    events: Mutex<Events>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Events {
    waiting: VecDeque<Event>,
    ended: bool,
}

impl Mailbox {
    /// Never blocks. Nothing is taken after the last event.
    pub(crate) fn push(&self, event: Event) {
        {
            let mut events = self.lock();
            if events.ended {
                return;
            }
            events.ended = event.is_last();
            if events.waiting.len() >= MAILBOX_MAX
                && let Some(oldest) = events.waiting.iter().position(Event::is_progress)
            {
                events.waiting.remove(oldest);
            }
            events.waiting.push_back(event);
        }
        self.changed.notify_one();
    }

    /// The next event; `None` once the last one has been taken.
    pub(crate) async fn next(&self) -> Option<Event> {
        loop {
            {
                let mut events = self.lock();
                if let Some(event) = events.waiting.pop_front() {
                    return Some(event);
                }
                if events.ended {
                    return None;
                }
            }
            // `notify_one` keeps a permit when nobody waits yet, so an event pushed in between is not missed.
            self.changed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_mailbox_loses_steps_but_no_state() {
        let mailbox = Mailbox::default();
        mailbox.push(Event::Queued { position: 0 });
        mailbox.push(Event::Started);
        for index in 0..1000 {
            mailbox.push(Event::Step { index, total: 1000, rate: 1.0 });
        }
        mailbox.push(Event::Cancelled);
        mailbox.push(Event::Started);
        let mut seen = Vec::new();
        while let Some(event) = mailbox.next().await {
            seen.push(event);
        }
        assert_eq!(seen.len(), MAILBOX_MAX);
        assert_eq!(seen.first(), Some(&Event::Started), "the position made room");
        assert!(matches!(seen[seen.len() - 2], Event::Step { index: 999, .. }), "the newest step is kept");
        assert_eq!(seen.last(), Some(&Event::Cancelled), "nothing follows the last event");
    }
}
