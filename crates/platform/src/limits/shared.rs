//! What all nodes count together, where there is a Redis, and what happens while it is away: nothing, and no request waits for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use easel_redis::{Bucket, Redis, Verdict};
use easel_store::Timestamp;

use super::{Decision, caller::Asked};
use crate::Clock;

/// After a failure nobody asks for so long: requests do not each wait for a Redis that is away.
const LEFT_ALONE: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Shared {
    clock: Arc<dyn Clock>,
    redis: Redis,
    away: Arc<Away>,
}

#[derive(Default)]
struct Away {
    now: AtomicBool,
    until: AtomicI64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("redis", &self.redis).finish_non_exhaustive()
    }
}

impl Shared {
    pub fn new(clock: Arc<dyn Clock>, redis: Redis) -> Self {
        Self { clock, redis, away: Arc::default() }
    }

    /// Counts a request in every bucket or in none. `None` while Redis is away.
    pub async fn check(&self, asked: &[Asked]) -> Option<Decision> {
        let now = self.clock.now();
        if now < Timestamp(self.away.until.load(Ordering::Relaxed)) {
            return None;
        }
        let buckets: Vec<Bucket> = asked.iter().map(bucket).collect();
        match self.redis.throttle(&buckets).await {
            Ok((counted, verdicts)) => {
                if self.away.now.swap(false, Ordering::Relaxed) {
                    tracing::info!("Redis is back: all nodes count requests together again");
                }
                let decisions = asked.iter().zip(verdicts).map(|(asked, verdict)| decision(asked, verdict, counted));
                Decision::nearest(decisions)
            }
            Err(error) => {
                self.away.until.store(now.after(LEFT_ALONE).0, Ordering::Relaxed);
                if !self.away.now.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "Redis is away: each node counts requests by itself");
                }
                None
            }
        }
    }
}

fn bucket(asked: &Asked) -> Bucket {
    let Asked { class, by, index, subject, rate } = asked;
    Bucket { name: format!("{}:{}:{index}:{subject}", class.name(), by.name()), max: rate.max.get(), per: rate.per() }
}

/// Of a request that was not counted, those buckets refuse it that say how long to wait.
fn decision(asked: &Asked, verdict: Verdict, counted: bool) -> Decision {
    let retry_after = (!counted && !verdict.wait.is_zero()).then_some(verdict.wait);
    Decision { rate: asked.rate, remaining: verdict.remaining, reset: verdict.reset, retry_after }
}
