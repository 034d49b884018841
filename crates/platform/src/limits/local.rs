//! What this node counts by itself, with `governor`.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter, clock,
    middleware::{NoOpMiddleware, StateInformationMiddleware},
    state::keyed::DashMapStateStore,
};

use super::{
    Class, Decision, Rate, Settings,
    caller::{Asked, By},
};
use crate::Clock;

/// Callers that are remembered at a time for one limit; those beyond share one bucket.
const CALLERS_MAX: usize = 100_000;
/// Requests after which callers whose buckets are as new are forgotten.
const FORGET_EVERY: u32 = 10_000;

type Limiter = RateLimiter<Option<String>, DashMapStateStore<Option<String>>, Time, StateInformationMiddleware>;

/// Our clock, as `governor` reads it.
#[derive(Clone)]
struct Time(Arc<dyn Clock>);

impl clock::Clock for Time {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.now().0).unwrap_or(0))
    }
}

#[derive(Clone)]
pub(super) struct Local {
    time: Time,
    limiters: Arc<BTreeMap<(Class, By, usize), Limiter>>,
    requests: Arc<AtomicU32>,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("limits", &self.limiters.len()).finish_non_exhaustive()
    }
}

impl Local {
    pub fn new(clock: Arc<dyn Clock>, settings: &Settings) -> Self {
        let time = Time(clock);
        let mut limiters = BTreeMap::new();
        for (&class, rates) in &settings.classes {
            for by in [By::Ip, By::User, By::Key] {
                for (index, &rate) in rates.of(by).iter().enumerate() {
                    let (quota, store) = (quota(rate, settings.nodes), DashMapStateStore::default());
                    let limiter = RateLimiter::<_, _, _, NoOpMiddleware<Duration>>::new(quota, store, time.clone());
                    limiters.insert((class, by, index), limiter.with_middleware());
                }
            }
        }
        Self { time, limiters: Arc::new(limiters), requests: Arc::default() }
    }

    /// Counts a request, until one bucket refuses it.
    pub fn check(&self, asked: &[Asked]) -> Option<Decision> {
        if self.requests.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiters.values().for_each(RateLimiter::retain_recent);
        }
        let mut decisions = Vec::with_capacity(asked.len());
        for bucket in asked {
            let Some(limiter) = self.limiters.get(&(bucket.class, bucket.by, bucket.index)) else { continue };
            let decision = self.check_one(limiter, bucket);
            decisions.push(decision);
            if !decision.allowed() {
                break;
            }
        }
        Decision::nearest(decisions)
    }

    fn check_one(&self, limiter: &Limiter, bucket: &Asked) -> Decision {
        // A flood of addresses must not fill the memory.
        let key = (limiter.len() < CALLERS_MAX).then(|| bucket.subject.clone());
        match limiter.check_key(&key) {
            Ok(state) => {
                let (quota, remaining) = (state.quota(), state.remaining_burst_capacity());
                let used = quota.burst_size().get().saturating_sub(remaining);
                let reset = quota.replenish_interval() * used;
                Decision { rate: bucket.rate, remaining, reset, retry_after: None }
            }
            Err(refused) => {
                let wait = refused.wait_time_from(clock::Clock::now(&self.time));
                let reset = refused.quota().burst_size_replenished_in() + wait;
                Decision { rate: bucket.rate, remaining: 0, reset, retry_after: Some(wait) }
            }
        }
    }
}

/// This node's part of a limit: its share, and half as much again.
fn quota(rate: Rate, nodes: NonZeroU32) -> Quota {
    let share = (u64::from(rate.max.get()) * 3).div_ceil(u64::from(nodes.get()) * 2);
    let max = u32::try_from(share).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN).min(rate.max);
    let each = rate.per() / max.get();
    Quota::with_period(each.max(Duration::from_nanos(1))).unwrap_or(Quota::per_second(max)).allow_burst(max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::rate;

    #[test]
    fn a_node_has_its_share_and_half_as_much_again() {
        let of = |max, nodes| quota(rate(max, 60), NonZeroU32::new(nodes).unwrap()).burst_size().get();
        assert_eq!([of(100, 1), of(100, 2), of(100, 3), of(100, 10), of(1, 10)], [100, 75, 50, 15, 1]);
        assert_eq!(quota(rate(100, 60), NonZeroU32::MIN).replenish_interval(), Duration::from_millis(600));
    }
}
