//! What is done between two steps: it never takes longer than a step, as far as slices can be that short, and nobody is kept from his
//! preview by a stream of others.

use std::time::Duration;

use easel_engine::{
    scheduler::{Cost, Curve, Group, Mean, Rules, Submission},
    sim::cluster::{Arrival, End, Outcome, SimCluster, SimModel, SimShape},
};
use proptest::prelude::*;

/// Steps take 10 ms and 10 ms for each row; preparing takes two slices and decoding four, of this many steps of a row.
fn shape(slice: f64, preview: f64) -> SimShape {
    let row = 0.020;
    let cost = Cost {
        prepare_slice: Mean::guess(slice * row),
        prepare_slices: Mean::guess(2.0),
        decode_slice: Mean::guess(slice * row),
        decode_slices: Mean::guess(4.0),
        preview: Mean::guess(preview * row),
        ..Cost::measured(Curve::linear(0.010, 0.010, 8))
    };
    SimShape { model: 0, width: 512, height: 512, cost, rows_max: u32::MAX }
}

fn cluster(shape: SimShape) -> SimCluster {
    SimCluster {
        rules: Rules::default(),
        devices: 1,
        memory: None,
        models: vec![SimModel { bytes: 1, load: 1.0 }],
        shapes: vec![shape],
        loaded: vec![0],
        faults: Vec::new(),
        checked: true,
        asked_every: None,
    }
}

fn arrival(millis: u64, evaluations: u32, preview_every: u32) -> Arrival {
    let submission = Submission {
        group: Group(0),
        pictures: 1,
        branches: 1,
        evaluations,
        single: Vec::new(),
        user: None,
        priority: 0,
        time_limit: None,
        preview_every,
        alike: 0,
    };
    Arrival { at: Duration::from_millis(millis), submission, leaves_after: None }
}

/// One picture of 60 steps with previews, and a stream of short ones that keep the device preparing and decoding all the time.
fn behind_a_stream(slice: f64, preview: f64, every: u64) -> Outcome {
    let stream = (0..200).map(|i| arrival(i * every, 2, 0));
    let arrivals: Vec<_> = std::iter::once(arrival(0, 60, 5)).chain(stream).collect();
    let outcome = cluster(shape(slice, preview)).run(&arrivals);
    assert!(outcome.stories.iter().all(|story| story.end == End::Finished));
    outcome
}

#[test]
fn previews_come_through_a_stream_of_others() {
    for slice in [0.5, 0.9, 1.0, 1.5] {
        let outcome = behind_a_stream(slice, 0.1, 60);
        // Due after steps 5, 10, … 55: each is there before the next is due.
        assert_eq!(outcome.previews.get(&0), Some(&11), "slices of {slice} steps");
    }
}

#[test]
fn slices_longer_than_a_step_are_let_through_now_and_then() {
    for slice in [1.2, 1.6] {
        let outcome = behind_a_stream(slice, 0.1, 800);
        assert!((outcome.gap_longest - slice).abs() < 1e-9, "alone: {} steps", outcome.gap_longest);
        // One picture at a time has such slices: three steps in a row do not wait, the fourth may.
        assert_eq!(outcome.long_gaps_apart, Some(4), "slices of {slice} steps");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_step_waits_for_longer_than_a_step(slice in 0.05..1.0f64, preview in 0.01..1.0f64, every in 10u64..200) {
        let outcome = behind_a_stream(slice, preview, every);
        prop_assert!(outcome.gap_longest > 0.0, "nothing was measured");
        prop_assert!(outcome.gap_longest <= 1.0, "{} steps", outcome.gap_longest);
    }
}
