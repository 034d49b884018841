//! Breakers in virtual time: they open, half-open and close as the table in `breaker.rs` says.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::time::Duration;

use easel_providers::{Accepted, Breaker, BreakerState, FailureClass, Instant, Kind, ProviderError, Refusal, Thresholds};

fn failure(class: FailureClass) -> ProviderError {
    ProviderError::new(&Kind::Fal.into(), class, Accepted::No)
}

/// A breaker and its clock.
struct Bench {
    breaker: Breaker,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self { breaker: Breaker::new(Thresholds::default()), now: Instant(1_000_000_000) }
    }

    fn pass(&mut self, seconds: f64) {
        self.now = self.now.after(Duration::from_secs_f64(seconds));
    }

    fn call(&mut self, outcome: Result<(), FailureClass>) -> Result<(), Refusal> {
        let permit = self.breaker.admit(self.now)?;
        let outcome = outcome.map_err(failure);
        self.breaker.report(permit, outcome.as_ref().copied(), self.now);
        Ok(())
    }

    fn name(&self) -> &'static str {
        self.breaker.state(self.now).name()
    }

    fn opened() -> Self {
        let mut bench = Self::new();
        for _ in 0..5 {
            bench.call(Err(FailureClass::Transient)).unwrap();
        }
        bench
    }
}

#[test]
fn it_opens_half_opens_and_closes() {
    let mut bench = Bench::new();
    for _ in 0..4 {
        bench.call(Err(FailureClass::Transient)).unwrap();
    }
    assert_eq!(bench.name(), "closed", "four are not five");
    bench.call(Err(FailureClass::Timeout)).unwrap();
    assert_eq!(bench.call(Ok(())), Err(Refusal::Open));
    bench.pass(29.999);
    assert_eq!(bench.call(Ok(())), Err(Refusal::Open));
    bench.pass(0.001);
    assert_eq!(bench.name(), "half_open");
    // One trial at a time, and two must succeed.
    let trial = bench.breaker.admit(bench.now).unwrap();
    assert_eq!(bench.breaker.admit(bench.now).unwrap_err(), Refusal::Open);
    bench.breaker.report(trial, Ok(()), bench.now);
    assert_eq!(bench.name(), "half_open");
    bench.call(Ok(())).unwrap();
    assert_eq!(bench.name(), "closed");
}

#[test]
fn each_trial_that_fails_doubles_the_wait_up_to_ten_minutes() {
    let mut bench = Bench::opened();
    for seconds in [30, 60, 120, 240, 480, 600, 600] {
        let BreakerState::Open { until } = bench.breaker.state(bench.now) else { panic!("{}", bench.name()) };
        assert_eq!(until.since(bench.now), Duration::from_secs(seconds));
        bench.pass(seconds as f64);
        bench.call(Err(FailureClass::Garbage)).unwrap();
    }
    // Once it has closed, it begins at the beginning.
    bench.pass(600.0);
    bench.call(Ok(())).unwrap();
    bench.call(Ok(())).unwrap();
    for _ in 0..5 {
        bench.call(Err(FailureClass::Permanent)).unwrap();
    }
    bench.pass(30.0);
    assert_eq!(bench.name(), "half_open");
}

#[test]
fn half_of_twenty_within_a_minute_open_it_too() {
    let mut bench = Bench::new();
    for call in 0..19 {
        bench.call(if call % 2 == 0 { Err(FailureClass::Transient) } else { Ok(()) }).unwrap();
    }
    assert_eq!(bench.name(), "closed", "nineteen are too few to say");
    bench.call(Err(FailureClass::Transient)).unwrap();
    assert_eq!(bench.name(), "open");
    // The same spread over more than a minute is no reason.
    let mut bench = Bench::new();
    for call in 0..200 {
        bench.call(if call % 2 == 0 { Err(FailureClass::Transient) } else { Ok(()) }).unwrap();
        bench.pass(4.0);
    }
    assert_eq!(bench.name(), "closed");
}

#[test]
fn users_errors_and_refusals_are_no_failures() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        bench.call(Err(FailureClass::UserError)).unwrap();
        bench.call(Err(FailureClass::Moderated)).unwrap();
    }
    assert_eq!(bench.name(), "closed");
}

#[test]
fn a_rate_limit_pauses_for_as_long_as_it_says() {
    let mut bench = Bench::new();
    let permit = bench.breaker.admit(bench.now).unwrap();
    let limited = ProviderError { retry_after: Some(Duration::from_secs(7)), ..failure(FailureClass::RateLimited) };
    bench.breaker.report(permit, Err(&limited), bench.now);
    assert_eq!(bench.call(Ok(())), Err(Refusal::Paused));
    bench.pass(6.9);
    assert_eq!(bench.call(Ok(())), Err(Refusal::Paused));
    bench.pass(0.1);
    // Without a hint it is half a minute.
    bench.call(Err(FailureClass::RateLimited)).unwrap();
    bench.pass(29.9);
    assert_eq!(bench.call(Ok(())), Err(Refusal::Paused));
    bench.pass(0.1);
    bench.call(Ok(())).unwrap();
    assert_eq!(bench.name(), "closed");
}

#[test]
fn an_account_that_is_used_up_or_shut_out_waits_for_its_operator() {
    let shut = |status| ProviderError { status: Some(status), ..failure(FailureClass::Permanent) };
    for locking in [failure(FailureClass::Quota), shut(401), shut(403)] {
        let mut bench = Bench::new();
        let permit = bench.breaker.admit(bench.now).unwrap();
        bench.breaker.report(permit, Err(&locking), bench.now);
        bench.pass(1e6);
        assert_eq!(bench.call(Ok(())), Err(Refusal::Locked), "{locking:?}");
        bench.breaker.reset();
        bench.call(Ok(())).unwrap();
    }
    let mut bench = Bench::new();
    let permit = bench.breaker.admit(bench.now).unwrap();
    bench.breaker.report(permit, Err(&shut(404)), bench.now);
    assert_eq!(bench.name(), "closed", "a model that is missing is not the account's end");
}

#[test]
fn what_was_asked_before_a_change_has_no_say() {
    let mut bench = Bench::new();
    let early = bench.breaker.admit(bench.now).unwrap();
    for _ in 0..5 {
        bench.call(Err(FailureClass::Transient)).unwrap();
    }
    bench.breaker.report(early, Ok(()), bench.now);
    assert_eq!(bench.name(), "open", "an old success closes nothing");
    bench.pass(30.0);
    let early_trial = bench.breaker.admit(bench.now).unwrap();
    bench.breaker.report(early, Err(&failure(FailureClass::Transient)), bench.now);
    assert_eq!(bench.name(), "half_open", "an old failure opens nothing");
    // A trial that says nothing gives up its place after five minutes, and its late word counts no more.
    bench.pass(299.9);
    assert_eq!(bench.call(Ok(())), Err(Refusal::Open));
    bench.pass(0.1);
    bench.call(Ok(())).unwrap();
    bench.breaker.report(early_trial, Err(&failure(FailureClass::Transient)), bench.now);
    bench.call(Ok(())).unwrap();
    assert_eq!(bench.name(), "closed");
    // One that was never made leaves at once.
    let mut bench = Bench::opened();
    bench.pass(30.0);
    let withdrawn = bench.breaker.admit(bench.now).unwrap();
    bench.breaker.withdraw(withdrawn);
    bench.call(Ok(())).unwrap();
}

#[test]
fn a_clock_that_goes_back_moves_nothing() {
    let mut bench = Bench::opened();
    bench.now = Instant(0);
    assert_eq!(bench.call(Ok(())), Err(Refusal::Open));
    assert_eq!(bench.name(), "open");
}
