//! The queue is bounded, and says when to come back.

use std::time::Duration;

use crate::common::{engine, finished, pictures, request, rules, started, story};
use easel_engine::{
    Engine, Event, SubmitError, Terms, Ticket,
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

/// A device on which every request takes four steps of 3 s, which it has learnt from the first; one is held at its first step, and a
/// second, somebody's, waits for it.
async fn busy(limits: Rules) -> (Engine, Gate, Vec<Ticket>) {
    let gate = Gate::closed();
    let sim = SimConfig { gate: Some(gate.clone()), step_time: Duration::from_secs(3), ..SimConfig::default() };
    let (engine, _) = engine(sim, rules(Rules { admitted_max: 1, ..limits })).await;
    gate.allow(4);
    finished(engine.submit(request(1)).expect("there is room")).await;
    let mut drawn = engine.submit(request(2)).expect("there is room");
    started(&mut drawn).await;
    let waiting = engine.submit_on(request(3), &somebody()).expect("there is room");
    (engine, gate, vec![drawn, waiting])
}

fn somebody() -> Terms {
    Terms { user: Some("somebody".to_owned()), ..Terms::default() }
}

#[tokio::test]
async fn retry_after_is_when_a_place_is_expected_to_be_freed() {
    let limits = |queue_max, user_queue_max, backlog_max| Rules {
        queue_max,
        user_queue_max,
        backlog_max: Duration::from_secs(backlog_max),
        ..Rules::default()
    };
    let cases = [
        // The first of the line is taken up when the one that is drawn has done its four steps.
        ("the line", limits(1, 9, 900), 1, 12),
        // Somebody's request is done four steps after that.
        ("the user", limits(9, 1, 900), 1, 24),
        // 12 s are drawn, 12 s wait and 12 s more come to 36 s of 30: the end of the first makes room for them.
        ("the work", limits(9, 9, 30), 1, 12),
        // 24 s more come to 48 s: the end of the first leaves 36 s, that of the second 24 s.
        ("more work", limits(9, 9, 30), 2, 24),
    ];
    for (what, limits, num_images, seconds) in cases {
        let (engine, gate, tickets) = busy(limits).await;
        let refused = engine.submit_on(pictures(4, num_images), &somebody()).unwrap_err();
        let (SubmitError::QueueFull { retry_after, .. } | SubmitError::UserLimit { retry_after, .. }) = refused else {
            panic!("{what}: {refused}")
        };
        assert_eq!(retry_after, Duration::from_secs(seconds), "{what}");
        gate.open();
        for ticket in tickets {
            finished(ticket).await;
        }
    }
}

#[tokio::test]
async fn with_no_place_in_the_line_nothing_is_ever_accepted() {
    let (engine, _) = engine(SimConfig::default(), rules(Rules { queue_max: 0, ..Rules::default() })).await;
    let refused = engine.submit(request(1)).unwrap_err();
    assert_eq!(refused, SubmitError::QueueFull { waiting: 0, retry_after: Duration::from_secs(1) });
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
