//! The queue is bounded, and says when to come back.

mod common;

use std::time::Duration;

use common::{engine, finished, request, rules, started, story};
use easel_engine::{
    Event, SubmitError,
    scheduler::Rules,
    sim::{Gate, SimConfig},
};

#[tokio::test]
async fn one_more_than_the_limit_is_refused_and_a_freed_place_is_given_again() {
    let gate = Gate::closed();
    let sim = SimConfig { gate: Some(gate.clone()), ..SimConfig::default() };
    let (engine, _) = engine(sim, rules(Rules { admitted_max: 1, queue_max: 2, ..Rules::default() })).await;
    let mut drawn = engine.submit(request(1)).unwrap();
    started(&mut drawn).await;
    let waiting = engine.submit(request(2)).unwrap();
    let left = engine.submit(request(3)).unwrap();
    let refused = engine.submit(request(4)).unwrap_err();
    assert_eq!(refused, SubmitError::QueueFull { waiting: 2, retry_after: Duration::from_secs(1) });
    assert_eq!((engine.status().queued, engine.status().active), (2, 1));

    drop(left);
    let taken = engine.submit(request(5)).unwrap();
    gate.open();
    for ticket in [drawn, waiting, taken] {
        finished(ticket).await;
    }
}

#[tokio::test]
async fn retry_after_follows_the_time_requests_take() {
    let gate = Gate::closed();
    let sim = SimConfig { gate: Some(gate.clone()), step_time: Duration::from_secs(3), ..SimConfig::default() };
    let (engine, _) = engine(sim, rules(Rules { queue_max: 0, ..Rules::default() })).await;
    // With no place in the queue nothing is ever accepted.
    assert!(matches!(engine.submit(request(1)).unwrap_err(), SubmitError::QueueFull { waiting: 0, .. }));

    let (engine, _) = common::engine(
        SimConfig { gate: Some(gate.clone()), step_time: Duration::from_secs(3), ..SimConfig::default() },
        rules(Rules { admitted_max: 1, queue_max: 1, ..Rules::default() }),
    )
    .await;
    gate.allow(4);
    finished(engine.submit(request(1)).unwrap()).await;
    let mut drawn = engine.submit(request(2)).unwrap();
    started(&mut drawn).await;
    let _waiting = engine.submit(request(3)).unwrap();
    let refused = engine.submit(request(4)).unwrap_err();
    let SubmitError::QueueFull { waiting: 1, retry_after } = refused else { panic!("{refused}") };
    assert!((10..=15).contains(&retry_after.as_secs()), "one request takes four steps of 3 s: {retry_after:?}");
    gate.open();
}

#[tokio::test]
async fn a_cancelled_waiter_is_told_at_once_and_those_behind_move_up() {
    let gate = Gate::closed();
    let sim = SimConfig { gate: Some(gate.clone()), ..SimConfig::default() };
    let (engine, _) = engine(sim, rules(Rules { admitted_max: 1, ..Rules::default() })).await;
    let mut drawn = engine.submit(request(1)).unwrap();
    started(&mut drawn).await;
    let second = engine.submit(request(2)).unwrap();
    let mut third = engine.submit(request(3)).unwrap();
    assert!(matches!(third.next().await, Some(Event::Queued { position: 1, .. })));
    second.cancel();
    assert_eq!(story(second).await, ["queued 0", "cancelled"]);
    assert!(matches!(third.next().await, Some(Event::Queued { position: 0, .. })), "at once");
    gate.open();
    finished(third).await;
}
