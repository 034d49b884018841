//! Events on their way out: taken from the outbox, tried again until they have arrived where they are passed on or are dead.
//!
//! Delivery is at least once, in order for each job; an event keeps its id through every attempt. Who wants to hear of it is
//! [`webhooks`](crate::webhooks)' business.

use std::time::Duration;

use easel_store::outbox::{self, Event};

use crate::{Context, PlatformError};

/// Nobody else delivers an event that was taken, for this long.
const TAKEN_FOR: Duration = Duration::from_secs(120);
/// An event that has not arrived by then is dead until somebody revives it.
const DEAD_AFTER: Duration = Duration::from_secs(72 * 3600);
/// The first pause.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(6 * 3600);

/// The outbox. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    context: Context,
}

impl Events {
    /// Over this database.
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Takes events that are due; whoever takes them says what became of each.
    pub async fn take(&self, limit: i64) -> Result<Vec<Event>, PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        let events = outbox::take(&mut tx, now, now.after(TAKEN_FOR), limit).await?;
        tx.commit().await?;
        Ok(events)
    }

    /// It arrived.
    pub async fn delivered(&self, event: &Event) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        outbox::delivered(&mut tx, &event.id, self.context.now()).await?;
        Ok(tx.commit().await?)
    }

    /// It did not: it is tried again after a pause, or is dead. Whether it will be tried again.
    pub async fn failed(&self, event: &Event, error: &str) -> Result<bool, PlatformError> {
        let now = self.context.now();
        let mut byte = [0];
        self.context.secrets.fill(&mut byte);
        let again = now.after(pause(event.attempts, byte[0]));
        let again = Some(again).filter(|&again| again <= event.created_at.after(DEAD_AFTER));
        let mut tx = self.context.db.begin().await?;
        outbox::failed(&mut tx, &event.id, now, again, error).await?;
        tx.commit().await?;
        Ok(again.is_some())
    }

    /// Tries a dead event again.
    pub async fn revive(&self, event_id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        if !outbox::revive(&mut tx, event_id, self.context.now()).await? {
            return Err(PlatformError::NotFound("dead event"));
        }
        Ok(tx.commit().await?)
    }
}

/// Doubles each time; up to half of it more by chance (0..=255), so that what failed together does not come back together.
fn pause(attempts: i64, chance: u8) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 16)).unwrap_or(0);
    let pause = (PAUSE_FIRST * 2_u32.pow(doublings)).min(PAUSE_MAX);
    pause + pause * u32::from(chance) / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_spread() {
        assert_eq!(pause(1, 0), Duration::from_secs(5));
        assert_eq!(pause(4, 0), Duration::from_secs(40));
        assert!(pause(4, 255) > pause(4, 0) && pause(4, 255) < Duration::from_secs(60));
        assert_eq!(pause(i64::MAX, 0), PAUSE_MAX);
    }
}
