//! The accounts with what is known of them at this moment: breakers, budgets, numbers. The one place where these are kept together, so that a
//! call is admitted by all of them or by none.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use crate::{
    Accepted, Breaker, Budget, Candidate, FallbackReason, Instant, Micros, Order, OverBudget, Permit, ProviderError, ProviderId,
    Quote, Refusal, Registered, Registry, Reservation, Spent, Thresholds, Unfit,
    metrics::{Counts, Snapshot, Spend},
};

/// What is known of an account.
struct Gauge {
    breaker: Breaker,
    budget: Budget,
    counts: Counts,
}

/// Leave for one attempt: of the breaker and of the budget.
#[derive(Debug)]
#[must_use = "the outcome of the attempt must be reported"]
pub struct Leave {
    provider: ProviderId,
    permit: Permit,
    reservation: Reservation,
    since: Instant,
}

/// Why an account is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// There is no such account.
    Unknown,
    /// Its breaker says no.
    Breaker(Refusal),
    /// Its budget says no.
    Budget(OverBudget),
}

/// All accounts and what is known of them. Times are microseconds since 1970, UTC.
pub struct Fleet {
    registry: Registry,
    gauges: Mutex<BTreeMap<ProviderId, Gauge>>,
}

impl Fleet {
    /// Of these accounts, with what was spent as it was stored; what is not told of an account makes it unusable.
    pub fn new(registry: Registry, thresholds: Thresholds, spent: &BTreeMap<ProviderId, Spent>) -> Self {
        let gauge = |registered: &Registered| {
            let id = registered.provider.id().clone();
            let budget = Budget::new(registered.budget, spent.get(&id).copied());
            (id, Gauge { breaker: Breaker::new(thresholds), budget, counts: Counts::default() })
        };
        let gauges = Mutex::new(registry.iter().map(gauge).collect());
        Self { registry, gauges }
    }

    /// The accounts.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Who might serve an order; `model` names the model at each account, if it has one. An order for more pictures than one call gives is
    /// quoted whole.
    pub fn candidates(&self, order: &Order, model: impl Fn(&ProviderId) -> Option<String>, now: Instant) -> Vec<Candidate> {
        let gauges = self.lock();
        let candidate = |registered: &Registered| {
            let id = registered.provider.id();
            let gauge = gauges.get(id)?;
            let order = Order { model: model(id)?, ..order.clone() };
            let quote = quote(registered, &order);
            let cost = quote.as_ref().map_or(Micros::ZERO, |quote| quote.total);
            Some(Candidate {
                provider: id.clone(),
                owner: registered.owner,
                region: registered.region.clone(),
                model: order.model,
                quote,
                breaker: gauge.breaker.refusal(now),
                budget: gauge.budget.check(cost, now.0),
            })
        };
        self.registry.iter().filter_map(candidate).collect()
    }

    /// Leave for an attempt that costs so much.
    pub fn admit(&self, id: &ProviderId, quote: &Quote, reason: FallbackReason, now: Instant) -> Result<Leave, NotNow> {
        let mut gauges = self.lock();
        let gauge = gauges.get_mut(id).ok_or(NotNow::Unknown)?;
        let permit = gauge.breaker.admit(now).map_err(NotNow::Breaker)?;
        match gauge.budget.reserve(quote.total, now.0) {
            Ok(reservation) => {
                gauge.counts.fallback(reason);
                Ok(Leave { provider: id.clone(), permit, reservation, since: now })
            }
            Err(over) => {
                gauge.breaker.withdraw(permit);
                Err(NotNow::Budget(over))
            }
        }
    }

    /// Gives leave back for an attempt that was never made.
    pub fn withdraw(&self, leave: Leave, now: Instant) {
        let Leave { provider, permit, reservation, .. } = leave;
        let mut gauges = self.lock();
        let Some(gauge) = gauges.get_mut(&provider) else { return };
        gauge.breaker.withdraw(permit);
        gauge.budget.settle(reservation, Err(Accepted::No), now.0);
    }

    /// What came of an attempt: what its pictures cost, or why there are none.
    pub fn report(&self, leave: Leave, outcome: Result<Micros, &ProviderError>, now: Instant) {
        let Leave { provider, permit, reservation, since } = leave;
        let mut gauges = self.lock();
        let Some(gauge) = gauges.get_mut(&provider) else { return };
        gauge.breaker.report(permit, outcome.map(|_| ()), now);
        let amount = reservation.amount();
        let cost = match &outcome {
            Ok(cost) => *cost,
            Err(failure) if failure.accepted == Accepted::No => Micros::ZERO,
            Err(_) => amount,
        };
        gauge.budget.settle(reservation, outcome.map_err(|failure| failure.accepted), now.0);
        gauge.counts.attempt(outcome.map(|_| ()).map_err(|failure| failure.class), now.since(since), cost);
    }

    /// What is now known to have been spent with an account, by all nodes together.
    pub fn learn(&self, id: &ProviderId, spent: Spent) {
        if let Some(gauge) = self.lock().get_mut(id) {
            gauge.budget.learn(spent);
        }
    }

    /// The operator says that nothing goes to an account.
    pub fn shut(&self, id: &ProviderId) -> bool {
        self.lock().get_mut(id).map(|gauge| gauge.breaker.lock()).is_some()
    }

    /// The operator says that an account works again.
    pub fn reset(&self, id: &ProviderId) -> bool {
        self.lock().get_mut(id).map(|gauge| gauge.breaker.reset()).is_some()
    }

    /// What is known of every account.
    pub fn snapshots(&self, now: Instant) -> Vec<Snapshot> {
        let view = |(id, gauge): (&ProviderId, &Gauge)| {
            let (spent, limit) = (gauge.budget.spent_at(now.0), gauge.budget.limit());
            Snapshot {
                provider: id.clone(),
                counts: gauge.counts.clone(),
                breaker: gauge.breaker.state(now),
                day: Spend { spent: spent.map(|spent| spent.day), limit: limit.day },
                month: Spend { spent: spent.map(|spent| spent.month), limit: limit.month },
            }
        };
        self.lock().iter().map(view).collect()
    }

    /// What was spent with an account, to be stored.
    pub fn spent(&self, id: &ProviderId) -> Option<Spent> {
        self.lock().get(id)?.budget.spent()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ProviderId, Gauge>> {
        self.gauges.lock().expect("no thread panics while it holds this. This is a bug.")
    }
}

/// Of all pictures of an order, each as a call that the model takes.
fn quote(registered: &Registered, order: &Order) -> Result<Quote, Unfit> {
    let ability = registered.provider.capabilities(&order.model).ok_or(Unfit::Price)?;
    let part = Order { num_images: order.num_images.min(ability.pictures_max), ..order.clone() };
    let Quote { per_picture, .. } = ability.fit(&part)?.quote;
    Ok(Quote { per_picture, pictures: order.num_images, total: per_picture.times(u64::from(order.num_images)) })
}
