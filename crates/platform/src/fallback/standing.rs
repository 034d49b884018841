//! What operators see of each account, and what they set by hand: on every node, when it looks next.

use easel_providers::{BreakerState, Micros, ProviderId, Snapshot};
use easel_store::{
    audit,
    provider_switches::{self, Switch},
};

use super::Fallback;
use crate::{PlatformError, accounts::Actor};

/// One account as this node knows it: breaker, latency and failures are its own, what is spent is everybody's.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The account.
    pub provider: String,
    /// The service.
    pub kind: &'static str,
    /// Where its answers are made.
    pub region: Option<String>,
    /// Its models.
    pub models: Vec<String>,
    /// `closed`, `open`, `half_open` or `locked`.
    pub breaker: &'static str,
    /// Until when it is open, in microseconds since 1970.
    pub open_until: Option<i64>,
    /// Attempts that gave pictures, on this node since its start.
    pub succeeded: u64,
    /// Attempts that did not, by class.
    pub failed: Vec<(&'static str, u64)>,
    /// Jobs that came there, by reason.
    pub fallbacks: Vec<(&'static str, u64)>,
    /// Seconds from submission to pictures, of all attempts together.
    pub latency_seconds: f64,
    /// How many they were.
    pub latency_count: u64,
    /// Spent today, and what may be, in millionths of a US dollar.
    pub day: (Micros, Micros),
    /// Spent this month, and what may be.
    pub month: (Micros, Micros),
}

impl Fallback {
    /// Every account, in the order in which they are tried.
    pub async fn standings(&self) -> Result<Vec<Standing>, PlatformError> {
        self.refresh().await?;
        let snapshots = self.snapshots();
        let of = |id: &ProviderId| snapshots.iter().find(|snapshot| snapshot.provider == *id);
        let registry = self.inner.fleet.registry();
        let standing = registry.iter().filter_map(|registered| {
            let snapshot = of(registered.provider.id())?;
            let counts = &snapshot.counts;
            Some(Standing {
                provider: snapshot.provider.to_string(),
                kind: registered.provider.kind().name(),
                region: registered.region.clone(),
                models: registered.models.clone(),
                breaker: snapshot.breaker.name(),
                open_until: match snapshot.breaker {
                    BreakerState::Open { until } => i64::try_from(until.0).ok(),
                    _ => None,
                },
                succeeded: counts.succeeded,
                failed: counts.failed.iter().map(|(class, count)| (class.name(), *count)).collect(),
                fallbacks: counts.fallbacks.iter().map(|(reason, count)| (reason.name(), *count)).collect(),
                latency_seconds: counts.latency.sum,
                latency_count: counts.latency.count,
                day: (snapshot.day.spent.unwrap_or(Micros::ZERO), snapshot.day.limit),
                month: (snapshot.month.spent.unwrap_or(Micros::ZERO), snapshot.month.limit),
            })
        });
        Ok(standing.collect())
    }

    pub(super) fn snapshots(&self) -> Vec<Snapshot> {
        self.inner.fleet.snapshots(self.now())
    }

    /// Opens an account's breaker by hand, so that nothing goes there, or closes it, whatever has opened it.
    pub async fn set_open(&self, actor: &Actor, provider: &str, is_open: bool) -> Result<(), PlatformError> {
        let id: ProviderId = provider.parse().map_err(|_| NO_PROVIDER)?;
        self.inner.fleet.registry().get(&id).ok_or(NO_PROVIDER)?;
        let moment = self.context.moment();
        let action = if is_open { "provider.open" } else { "provider.close" };
        let mut tx = self.context.db.begin().await?;
        provider_switches::set(&mut tx, provider, is_open, moment.now).await?;
        audit::append(&mut tx, &moment, actor.record(action, Some(("provider", provider)), "{}")).await?;
        tx.commit().await?;
        self.refresh().await
    }

    /// Does what was set by hand, once.
    pub(super) fn follow(&self, switch: &Switch) {
        let Ok(id) = switch.provider.parse::<ProviderId>() else { return };
        let mut switched = self.inner.switched.lock().expect("no thread panics while it holds this. This is a bug.");
        if switched.get(&switch.provider) == Some(&switch.changed_at) {
            return;
        }
        // A breaker is closed when a node starts: only what is open has to be said again.
        let known = if switch.is_open { self.inner.fleet.shut(&id) } else { self.inner.fleet.reset(&id) };
        if known {
            switched.insert(switch.provider.clone(), switch.changed_at);
        }
    }
}

const NO_PROVIDER: PlatformError = PlatformError::NotFound("provider");
