//! Accounts with their breakers and budgets: an attempt has leave of both or of neither.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod fakes;

use std::{collections::BTreeMap, time::Duration};

use easel_providers::{
    Accepted, Account, BreakerState, Catalogue, FailureClass, FallbackReason, Fleet, Instant, Kind, Limit, Micros, NotNow,
    OverBudget, ProviderError, ProviderId, Refusal, Registry, Spent, Thresholds,
};
use fakes::{
    accounts::{account, base, model, order},
    client,
};

const NOW: Instant = Instant(1_790_000_000_000_000);
const REASON: FallbackReason = FallbackReason::ModelMissing;

fn fleet(limit: Limit, known: bool) -> Fleet {
    let names = [Kind::Fal, Kind::Replicate].map(|kind| fakes::accounts::hosts(kind).0);
    let accounts = [Kind::Fal, Kind::Replicate].map(|kind| Account { budget: limit, ..account(kind, base(kind, 7777)) });
    let registry = Registry::new(&client(&names, 7777), &Catalogue::shipped(), accounts.to_vec()).unwrap();
    let ids = [Kind::Fal, Kind::Replicate].map(ProviderId::from);
    let spent = if known { ids.map(|id| (id, Spent::default())).into_iter().collect() } else { BTreeMap::new() };
    Fleet::new(registry, Thresholds::default(), &spent)
}

fn model_of(id: &ProviderId) -> Option<String> {
    Some(model(id.as_str().parse().unwrap()).to_owned())
}

#[test]
fn five_failures_open_the_one_and_the_other_is_next() {
    let limit = Limit { day: Micros(10_000_000), month: Micros(10_000_000) };
    let fleet = fleet(limit, true);
    let order = order(Kind::Fal);
    let fal = ProviderId::from(Kind::Fal);
    let quote = fleet.candidates(&order, model_of, NOW)[0].quote.clone().unwrap();
    let failure = ProviderError::new(&fal, FailureClass::Transient, Accepted::No);
    for _ in 0..5 {
        let leave = fleet.admit(&fal, &quote, REASON, NOW).unwrap();
        fleet.report(leave, Err(&failure), NOW.after(Duration::from_secs(3)));
    }
    let later = NOW.after(Duration::from_secs(4));
    assert_eq!(fleet.admit(&fal, &quote, REASON, later).unwrap_err(), NotNow::Breaker(Refusal::Open));
    let candidates = fleet.candidates(&order, model_of, later);
    let states: Vec<_> = candidates.iter().map(|candidate| (candidate.provider.as_str(), candidate.breaker)).collect();
    assert_eq!(states, [("fal", Some(Refusal::Open)), ("replicate", None)]);
    let snapshot = &fleet.snapshots(later)[0];
    assert!(matches!(snapshot.breaker, BreakerState::Open { .. }));
    assert_eq!((snapshot.counts.failed[&FailureClass::Transient], snapshot.counts.fallbacks[&REASON]), (5, 5));
    assert_eq!((snapshot.counts.latency.count, snapshot.counts.latency.sum), (5, 15.0));
    assert_eq!(snapshot.counts.latency.buckets, [0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 5], "three seconds are at most five");
    assert_eq!((snapshot.day.spent, snapshot.day.limit), (Some(Micros::ZERO), Micros(10_000_000)));
    assert!(fleet.reset(&fal));
    assert!(fleet.admit(&fal, &quote, REASON, later).is_ok());
}

#[test]
fn a_budget_is_set_aside_before_and_settled_after() {
    // Fal's price of a square megapixel and a bit is 50,000.
    let fleet = fleet(Limit { day: Micros(120_000), month: Micros(10_000_000) }, true);
    let fal = ProviderId::from(Kind::Fal);
    let quote = fleet.candidates(&order(Kind::Fal), model_of, NOW)[0].quote.clone().unwrap();
    assert_eq!(quote.total, Micros(50_000));
    let (first, second) = (fleet.admit(&fal, &quote, REASON, NOW).unwrap(), fleet.admit(&fal, &quote, REASON, NOW).unwrap());
    assert_eq!(fleet.admit(&fal, &quote, REASON, NOW).unwrap_err(), NotNow::Budget(OverBudget::Day));
    fleet.report(first, Ok(Micros(50_000)), NOW);
    let unknown = ProviderError::new(&fal, FailureClass::Timeout, Accepted::Unknown);
    fleet.report(second, Err(&unknown), NOW);
    assert_eq!(fleet.spent(&fal).unwrap().day, Micros(100_000), "what nobody can tell is spent");
    assert_eq!(fleet.candidates(&order(Kind::Fal), model_of, NOW)[0].budget, Err(OverBudget::Day));
    let tomorrow = NOW.after(Duration::from_secs(86_400));
    assert_eq!(fleet.candidates(&order(Kind::Fal), model_of, tomorrow)[0].budget, Ok(()));
}

#[test]
fn an_account_whose_spending_is_not_known_is_not_used() {
    let fleet = fleet(Limit { day: Micros(u64::MAX), month: Micros(u64::MAX) }, false);
    let fal = ProviderId::from(Kind::Fal);
    let quote = fleet.candidates(&order(Kind::Fal), model_of, NOW)[0].quote.clone().unwrap();
    for _ in 0..9 {
        assert_eq!(fleet.admit(&fal, &quote, REASON, NOW).unwrap_err(), NotNow::Budget(OverBudget::Unknown));
    }
    assert_eq!(fleet.snapshots(NOW)[0].day.spent, None);
}
