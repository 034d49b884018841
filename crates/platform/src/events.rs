//! Events on their way out: taken from the outbox, signed, tried again until they arrive or are dead.
//!
//! Delivery is at least once, in order for each job; an event keeps its id through every attempt, so that receivers can tell. Signatures follow
//! Standard Webhooks (standardwebhooks.com, specification 1.0.0): HMAC-SHA256 over `id.timestamp.body`.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use easel_store::outbox::{self, Event};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

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

/// The three headers of a signed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`: seconds since 1970 UTC.
    pub timestamp: String,
    /// `webhook-signature`.
    pub signature: String,
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

    /// The headers an event goes out with now.
    pub fn sign(&self, event: &Event, secret: &[u8]) -> SignedHeaders {
        let timestamp = (self.context.now().0 / 1_000_000).to_string();
        let signature = signature(secret, &event.id, &timestamp, &event.payload);
        SignedHeaders { id: event.id.clone(), timestamp, signature }
    }
}

/// `v1,` and the base64 of the HMAC.
fn signature(secret: &[u8], id: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes secrets of any length. This is a bug.");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
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

    /// The example of the specification's reference libraries.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn pauses_grow_and_spread() {
        assert_eq!(pause(1, 0), Duration::from_secs(5));
        assert_eq!(pause(4, 0), Duration::from_secs(40));
        assert!(pause(4, 255) > pause(4, 0) && pause(4, 255) < Duration::from_secs(60));
        assert_eq!(pause(i64::MAX, 0), PAUSE_MAX);
    }
}
