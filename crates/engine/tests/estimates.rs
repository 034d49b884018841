//! What clients are told of the time that is left, against what happens when nobody else comes.

use std::time::Duration;

use easel_engine::{
    scheduler::{Cost, Curve, Group, Mean, Rules, Submission},
    sim::cluster::{Arrival, End, SimCluster, SimModel, SimShape},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

/// Times below are too short to be told apart.
const FLOOR: f64 = 1.0;
const ERROR: f64 = 0.2;
/// All have come, and the scheduler has looked at them: it does so at most every 0.4 s.
const SETTLED: f64 = 1.0;

fn shape(pixels: f64) -> SimShape {
    let step = Curve::new([1, 2, 3, 4, 6, 8, 12, 16, 24].map(|rows| (rows, 0.002 + 0.0015 * pixels * f64::from(rows))));
    let cost = Cost {
        prepare_slice: Mean::guess(0.002),
        prepare_slices: Mean::guess(1.0),
        decode_slice: Mean::guess(0.005),
        decode_slices: Mean::guess(pixels),
        ..Cost::measured(step.expect("a curve"))
    };
    SimShape { model: 0, width: 512, height: 512, cost, rows_max: u32::MAX }
}

/// Requests that come within half a second.
fn arrivals(count: usize, mixed: bool, rng: &mut SmallRng) -> Vec<Arrival> {
    let arrival = |i: usize| {
        let mut one_of = |choices: &[u32]| choices[if mixed { rng.random_range(0..choices.len()) } else { 0 }];
        let submission = Submission {
            group: Group(one_of(&[0, 1, 2])),
            evaluations: one_of(&[30, 4, 20, 50]),
            branches: one_of(&[2, 2, 1]),
            pictures: one_of(&[1, 1, 1, 4]),
            priority: one_of(&[0, 0, 0, 10]) as i32,
            user: None,
            time_limit: None,
            preview_every: 0,
            alike: 0,
        };
        Arrival { at: Duration::from_secs_f64(0.5 * i as f64 / count as f64), submission, leaves_after: None }
    };
    (0..count).map(arrival).collect()
}

/// Shares of good estimates of those that wait and of those that have begun, and how many there were.
fn good(devices: usize, count: usize, mixed: bool, seed: u64) -> [(usize, usize); 2] {
    let cluster = SimCluster {
        rules: Rules::default(),
        devices,
        memory: None,
        models: vec![SimModel { bytes: 1, load: 1.0 }],
        shapes: [1.0, 2.0, 4.0].map(shape).to_vec(),
        loaded: vec![0],
        faults: Vec::new(),
        checked: false,
        asked_every: Some(Duration::from_millis(200)),
    };
    let arrivals = arrivals(count, mixed, &mut SmallRng::seed_from_u64(seed));
    let outcome = cluster.run(&arrivals);
    let mut good = [(0, 0); 2];
    for estimate in outcome.estimates.iter().filter(|estimate| estimate.at > SETTLED) {
        let story = &outcome.stories[estimate.arrival];
        assert_eq!(story.end, End::Finished);
        let left = story.ended - estimate.at;
        if left >= FLOOR {
            let of = &mut good[usize::from(!estimate.waiting)];
            of.0 += usize::from((estimate.left - left).abs() <= ERROR * left);
            of.1 += 1;
        }
    }
    good
}

#[test]
fn estimates_are_within_a_fifth() {
    let mut lines = Vec::new();
    let (mut worst, mut total): (f64, (usize, usize)) = (1.0, (0, 0));
    let share = |(good, of): (usize, usize)| good as f64 / of.max(1) as f64;
    for (mixed, devices, count) in
        [false, true].into_iter().flat_map(|m| [1, 3].into_iter().flat_map(move |d| [5, 15, 30, 60].map(|c| (m, d, c))))
    {
        let mut all = [(0, 0); 2];
        for seed in 0..5 {
            let some = good(devices, count, mixed, seed);
            (0..2).for_each(|i| all[i] = (all[i].0 + some[i].0, all[i].1 + some[i].1));
        }
        for (name, of) in ["waiting", "begun"].into_iter().zip(all).filter(|(_, of)| of.1 > 0) {
            total = (total.0 + of.0, total.1 + of.1);
            // One request tells its time at every step: few estimates are a single one's.
            worst = worst.min(if of.1 >= 200 { share(of) } else { 1.0 });
            lines.push(format!("mixed {mixed}, {devices} devices, {count} requests, {name}: {:.3} of {}", share(of), of.1));
        }
    }
    lines.push(format!("all: {:.4} of {}", share(total), total.1));
    println!("{}", lines.join("\n"));
    assert!(share(total) >= 0.98 && worst >= 0.95, "{}", lines.join("\n"));
}
