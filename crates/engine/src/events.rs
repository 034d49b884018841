//! What a request's owner hears: events through a mailbox that never blocks the device's thread.
//!
//! The mailbox is bounded. When it is full, previews make room first, then other progress (steps, positions, decoded counts); states never
//! get lost, because there are few of them: `Started` and the one that ends it. An unread preview or position is replaced by the next.

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
        /// Seconds until it is finished, if nobody more urgent comes.
        left: f64,
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
        /// Seconds until it is finished, as far as one can tell.
        left: f64,
    },
    /// What a picture looks like so far, one pixel for each latent.
    Preview {
        /// Its place among the request's pictures, from 0.
        picture: u32,
        /// The preview.
        image: Rgb8,
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

    /// Previews go first when there is no room, then other progress; states never.
    fn is_dispensable(&self, previews_only: bool) -> bool {
        match self {
            Self::Preview { .. } => true,
            Self::Queued { .. } | Self::Step { .. } | Self::Decoded { .. } => !previews_only,
            Self::Started | Self::Finished(_) | Self::Failed(_) | Self::Cancelled => false,
        }
    }

    fn is_outdated_by(&self, newer: &Self) -> bool {
        match (self, newer) {
            (Self::Queued { .. }, Self::Queued { .. }) => true,
            (Self::Preview { picture, .. }, Self::Preview { picture: new, .. }) => picture == new,
            _ => false,
        }
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
            events.waiting.retain(|older| !older.is_outdated_by(&event));
            if events.waiting.len() >= MAILBOX_MAX {
                let waiting = &events.waiting;
                let oldest = |previews_only| waiting.iter().position(|event| event.is_dispensable(previews_only));
                if let Some(oldest) = oldest(true).or_else(|| oldest(false)) {
                    events.waiting.remove(oldest);
                }
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
        mailbox.push(Event::Queued { position: 0, left: 1.0 });
        mailbox.push(Event::Started);
        for index in 0..1000 {
            mailbox.push(Event::Step { index, total: 1000, rate: 1.0, left: 1.0 });
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
    #[tokio::test]
    async fn previews_make_room_before_anything_else_and_only_the_newest_is_kept() {
        let mailbox = Mailbox::default();
        let image = |value| Rgb8::new(1, 1, vec![value; 3]).expect("a pixel");
        for value in 0..10 {
            mailbox.push(Event::Preview { picture: 0, image: image(value) });
        }
        mailbox.push(Event::Preview { picture: 1, image: image(99) });
        for index in 0..MAILBOX_MAX as u32 - 1 {
            mailbox.push(Event::Step { index, total: 1000, rate: 1.0, left: 1.0 });
        }
        mailbox.push(Event::Cancelled);
        let mut seen = Vec::new();
        while let Some(event) = mailbox.next().await {
            seen.push(event);
        }
        assert_eq!(seen.len(), MAILBOX_MAX);
        assert!(!seen.iter().any(|event| matches!(event, Event::Preview { .. })), "both previews made room");
        assert!(matches!(seen[0], Event::Step { index: 0, .. }), "no step had to");
    }
}
