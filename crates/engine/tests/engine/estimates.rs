//! What clients are told of the time that is left, against what happens when nobody else comes.

use std::time::Duration;

use easel_engine::{
    scheduler::{Cost, Curve, Group, Mean, Policy, Rules, Submission},
    sim::cluster::{Arrival, SimCluster, SimModel, SimShape},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

/// Times below are too short to be told apart.
const FLOOR: f64 = 0.5;
/// The last request comes no later than this.
const ARRIVED: f64 = 0.5;
/// A rehearsal that began after the last arrival is over: the one that was under way then, its rest of ten times as long, and one more.
const SETTLED: f64 = 0.6;
/// For lines of about 350 and 900 pictures: requests, the same, and estimates of waiting and of begun ones at least.
const LONG: [(usize, f64, usize); 2] = [(200, 0.9, 4_000), (500, 1.6, 20_000)];
/// What was rehearsed before the last arrival is not far off: of all that is told after it, all but one in two hundred keep to a fifth.
const ROUGH: f64 = 0.2;
const ROUGH_SHARE: f64 = 0.005;
/// The rounding of seconds to microseconds and back, relative to the time that is left.
const EXACT: f64 = 1e-6;

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
            single: Vec::new(),
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

/// Every model is there from the start.
fn cluster(rules: Rules, devices: usize) -> SimCluster {
    SimCluster {
        rules,
        devices,
        memory: None,
        models: vec![SimModel { bytes: 1, load: 1.0 }],
        shapes: [1.0, 2.0, 4.0].map(shape).to_vec(),
        loaded: vec![0],
        faults: Vec::new(),
        checked: false,
        asked_every: Some(Duration::from_millis(200)),
    }
}

/// How far estimates were from the truth.
#[derive(Default)]
struct Errors {
    /// Those that are exact or should be.
    waiting: usize,
    begun: usize,
    /// The largest of these, relative to the time that was left.
    worst: f64,
    /// All that were told once the last had come, and those of them that were off by more than a fifth.
    all: usize,
    off: usize,
}

impl Errors {
    fn add(&mut self, other: &Self) {
        self.waiting += other.waiting;
        self.begun += other.begun;
        self.worst = self.worst.max(other.worst);
        self.all += other.all;
        self.off += other.off;
    }
}

fn errors(cluster: &SimCluster, arrivals: &[Arrival], settled: f64) -> Errors {
    let outcome = cluster.run(arrivals);
    let mut errors = Errors::default();
    for estimate in outcome.estimates.iter().filter(|estimate| estimate.at > ARRIVED) {
        let left = outcome.stories[estimate.arrival].ended - estimate.at;
        if left < FLOOR {
            continue;
        }
        let error = (estimate.left - left).abs() / left;
        errors.all += 1;
        errors.off += usize::from(error > ROUGH);
        if estimate.at > settled {
            errors.waiting += usize::from(estimate.waiting);
            errors.begun += usize::from(!estimate.waiting);
            errors.worst = errors.worst.max(error);
        }
    }
    errors
}

/// What is not in a plain cluster: previews, users beyond their share, time limits, other policies.
type Variant = (&'static str, Rules, fn(usize, &mut Submission));

fn variants() -> Vec<Variant> {
    let window = Duration::from_millis(100);
    let policy = |policy| Rules { policy, ..Rules::default() };
    vec![
        ("plain", Rules::default(), |_, _| {}),
        ("previews", Rules::default(), |_, submission| submission.preview_every = 3),
        ("users", Rules::default(), |i, submission| submission.user = Some(i as u64 % 3)),
        ("limits", Rules::default(), |i, submission| {
            submission.time_limit = (i % 3 == 0).then(|| Duration::from_millis(1500 + 100 * i as u64));
        }),
        ("few at once", Rules { admitted_max: 5, ageing: Duration::from_secs(1), ..Rules::default() }, |_, _| {}),
        ("one at a time", policy(Policy::OneAtATime), |_, _| {}),
        ("static", policy(Policy::Static { rows: 6, window }), |i, submission| submission.alike = i as u64 % 2),
        ("whole requests", policy(Policy::RequestLevel), |i, submission| submission.alike = i as u64 % 2),
    ]
}

#[test]
fn without_surprises_every_estimate_is_exact() {
    let mut total = Errors::default();
    for ((name, rules, change), models) in variants().into_iter().flat_map(|v| [(v.clone(), 1), (v, 3)]) {
        for (mixed, devices, count) in
            [false, true].into_iter().flat_map(|m| [1, 3].into_iter().flat_map(move |d| [5, 15, 30, 60].map(|c| (m, d, c))))
        {
            for seed in 0..2 {
                let mut cluster = cluster(rules.clone(), devices);
                if models > 1 {
                    cluster.models = vec![SimModel { bytes: 1, load: 0.3 }; models];
                    cluster.shapes.iter_mut().zip(0..).for_each(|(shape, model)| shape.model = model);
                    cluster.memory = Some(2);
                }
                let mut arrivals = arrivals(count, mixed, &mut SmallRng::seed_from_u64(seed));
                arrivals.iter_mut().enumerate().for_each(|(i, arrival)| change(i, &mut arrival.submission));
                let errors = errors(&cluster, &arrivals, SETTLED);
                let case = format!("{name}, {models} models, mixed {mixed}, {devices} devices, {count} requests, seed {seed}");
                assert!(errors.worst <= EXACT, "{case}: {}", errors.worst);
                total.add(&errors);
            }
        }
    }
    let Errors { waiting, begun, all, off, .. } = total;
    assert!(waiting > 40_000 && begun > 40_000, "{waiting} of those that wait, {begun} of those that have begun");
    assert!(off as f64 <= ROUGH_SHARE * all as f64, "{off} of {all} are off by more than a fifth");
}

#[test]
fn a_long_line_is_told_its_end_as_exactly_once_it_has_been_rehearsed() {
    for (devices, (count, settled, least)) in [1, 3].into_iter().flat_map(|devices| LONG.map(|long| (devices, long))) {
        let arrivals = arrivals(count, true, &mut SmallRng::seed_from_u64(0));
        let errors = errors(&cluster(Rules::default(), devices), &arrivals, settled);
        let case = format!("{count} requests, {devices} devices");
        assert!(errors.worst <= EXACT, "{case}: {}", errors.worst);
        assert!(errors.waiting > least && errors.begun > least / 2, "{case}: {} and {}", errors.waiting, errors.begun);
    }
}
