//! Whatever comes, whoever leaves and whatever fails: the scheduler keeps its invariants, and everything ends once. The cluster in virtual
//! time panics over anything that a real device could not do.

use std::time::Duration;

use easel_backend::BackendError;
use easel_engine::{
    scheduler::{Cost, Curve, Failure, Group, Mean, Policy, Rules, Submission},
    sim::cluster::{Arrival, End, Outcome, SimCluster, SimFault, SimModel, SimShape},
};
use proptest::{collection::vec, option, prelude::*};

fn seconds(range: std::ops::Range<f64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs_f64)
}

fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![
        4 => Just(Policy::StepLevel),
        1 => Just(Policy::OneAtATime),
        1 => Just(Policy::RequestLevel),
        1 => (1u32..12, seconds(0.0..2.0)).prop_map(|(rows, window)| Policy::Static { rows, window }),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let limits = (1usize..6, 3usize..60, seconds(5.0..300.0), 1usize..20);
    (policies(), seconds(0.5..60.0), 1.0..6.0, limits, 1usize..24, 1u32..32, 0u32..3).prop_map(
        |(
            policy,
            ageing,
            target_factor,
            (user_share, queue_max, backlog_max, user_queue_max),
            admitted_max,
            rows_max,
            restarts_max,
        )| {
            let limits = Rules { user_share, queue_max, backlog_max, user_queue_max, admitted_max, ..Rules::default() };
            Rules { policy, ageing, target_factor, rows_max, restarts_max, ..limits }
        },
    )
}

fn shape(model: usize) -> impl Strategy<Value = SimShape> {
    (0.001..0.1, 0.001..0.1, 1u32..4, 1u32..4, prop_oneof![3 => Just(u32::MAX), 1 => 2u32..10]).prop_map(
        move |(base, row, prepare_slices, decode_slices, rows_max)| {
            let cost = Cost {
                prepare_slices: Mean::guess(f64::from(prepare_slices)),
                decode_slices: Mean::guess(f64::from(decode_slices)),
                ..Cost::measured(Curve::linear(base, row, 24))
            };
            SimShape { model, width: 64, height: 64, cost, rows_max }
        },
    )
}

fn faults(devices: usize) -> impl Strategy<Value = Vec<(Duration, usize, SimFault)>> {
    let fault = prop_oneof![
        seconds(0.1..60.0).prop_map(SimFault::Lost),
        Just(SimFault::OutOfMemory),
        Just(SimFault::NonFinite),
        Just(SimFault::Panic),
        Just(SimFault::Late),
        Just(SimFault::Absent)
    ];
    prop_oneof![Just(Vec::new()), vec((seconds(0.0..60.0), 0..devices, fault), 0..6)]
}

fn cluster() -> impl Strategy<Value = SimCluster> {
    let models = vec((1u64..4, 0.1..6.0), 1..4);
    (rules(), 1usize..4, models, option::of(3u64..8)).prop_flat_map(|(rules, devices, models, memory)| {
        let shapes: Vec<_> = (0..models.len() * 2).map(|i| shape(i / 2)).collect();
        let models: Vec<_> = models.into_iter().map(|(bytes, load)| SimModel { bytes, load }).collect();
        // Places are asked for in some: a rehearsal must survive whatever there is.
        let asked = option::weighted(0.2, seconds(0.1..2.0));
        (shapes, faults(devices), asked).prop_map(move |(shapes, faults, asked_every)| SimCluster {
            rules: rules.clone(),
            devices,
            memory,
            models: models.clone(),
            shapes,
            loaded: Vec::new(),
            faults,
            checked: true,
            asked_every,
        })
    })
}

fn submission(groups: u32) -> impl Strategy<Value = Submission> {
    let work = (0..groups, 1u32..5, 1u32..3, prop_oneof![9 => 1u32..25, 1 => Just(0)]);
    let whose = (option::of(0u64..3), (0i32..4).prop_map(|p| p * 10), option::weighted(0.2, seconds(0.0..60.0)));
    (work, whose, 0u32..4).prop_map(|((group, pictures, branches, evaluations), (user, priority, time_limit), preview_every)| {
        Submission {
            group: Group(group),
            pictures,
            branches,
            evaluations,
            single: Vec::new(),
            user,
            priority,
            time_limit,
            preview_every,
            alike: u64::from(evaluations * 2 + branches),
        }
    })
}

fn arrivals(groups: u32) -> impl Strategy<Value = Vec<Arrival>> {
    let arrival = (seconds(0.0..1.5), submission(groups), option::weighted(0.15, seconds(0.0..30.0)));
    vec(arrival, 0..60).prop_map(|all| {
        let mut now = Duration::ZERO;
        let arrival = |(gap, submission, leaves_after)| {
            now += gap;
            Arrival { at: now, submission, leaves_after }
        };
        all.into_iter().map(arrival).collect()
    })
}

fn scenes() -> impl Strategy<Value = (SimCluster, Vec<Arrival>)> {
    cluster().prop_flat_map(|cluster| {
        let groups = cluster.shapes.len() as u32;
        (Just(cluster), arrivals(groups))
    })
}

/// Failures have causes.
fn check(cluster: &SimCluster, arrivals: &[Arrival], outcome: &Outcome) {
    let planned = |wanted: fn(&SimFault) -> bool| cluster.faults.iter().filter(|(.., fault)| wanted(fault)).count();
    let failed = |wanted: fn(&Failure) -> bool| {
        outcome.stories.iter().filter(|story| matches!(&story.end, End::Failed(failure) if wanted(failure))).count()
    };
    let not_finite = failed(|failure| matches!(failure, Failure::Backend(BackendError::NonFinite(_))));
    assert!(not_finite <= planned(|fault| *fault == SimFault::NonFinite));
    let device = failed(|failure| matches!(failure, Failure::Backend(BackendError::Device(_))));
    assert!(device == 0 || planned(|fault| matches!(fault, SimFault::Lost(_) | SimFault::Panic | SimFault::Absent)) > 0);
    assert!(failed(|failure| matches!(failure, Failure::Panic(_))) <= planned(|fault| *fault == SimFault::Panic));
    for (arrival, story) in arrivals.iter().zip(&outcome.stories) {
        let took = story.ended - story.arrival;
        match &story.end {
            End::Finished => {
                let cost = &cluster.shapes[arrival.submission.group.0 as usize].cost;
                let steps = f64::from(arrival.submission.evaluations) * cost.step.seconds(1);
                assert!(took >= steps, "{took} s for {steps} s of steps");
            }
            End::Failed(Failure::TimeLimit) => {
                let limit = arrival.submission.time_limit.expect("a limit").as_secs_f64();
                assert!(took >= limit - 1e-5, "given up after {took} of {limit} s");
            }
            End::Cancelled => assert!(arrival.leaves_after.is_some_and(|after| took >= after.as_secs_f64() - 1e-5)),
            End::Failed(_) | End::Refused { .. } => {}
        }
    }
    // A device that is lost and comes back leaves nobody at the door for want of one, if there are others.
    assert!(outcome.stories.len() == arrivals.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_ends_once_and_for_a_reason((cluster, arrivals) in scenes()) {
        let outcome = cluster.run(&arrivals);
        check(&cluster, &arrivals, &outcome);
    }

    #[test]
    fn the_same_again_is_the_same((cluster, arrivals) in scenes()) {
        prop_assert_eq!(cluster.run(&arrivals).stories, cluster.run(&arrivals).stories);
    }
}

#[test]
fn models_that_do_not_fit_together_take_turns() {
    let shape =
        |model| SimShape { model, width: 64, height: 64, cost: Cost::measured(Curve::linear(0.05, 0.05, 8)), rows_max: u32::MAX };
    let cluster = SimCluster {
        rules: Rules::default(),
        devices: 1,
        memory: Some(1),
        models: vec![SimModel { bytes: 1, load: 3.0 }; 3],
        shapes: vec![shape(0), shape(1), shape(2)],
        loaded: Vec::new(),
        faults: Vec::new(),
        checked: true,
        asked_every: None,
    };
    // More than there is time for, of all three: everybody has soon waited for longer than anybody's patience.
    let arrival = |i: u32| Arrival {
        at: Duration::from_millis(500) * i,
        submission: Submission {
            group: Group(i % 3),
            pictures: 1,
            branches: 2,
            evaluations: 10,
            single: Vec::new(),
            user: None,
            priority: 0,
            time_limit: None,
            preview_every: 0,
            alike: 0,
        },
        leaves_after: None,
    };
    let outcome = cluster.run(&(0..300).map(arrival).collect::<Vec<_>>());
    assert!(outcome.stories.iter().all(|story| story.end == End::Finished));
    let loading = 3.0 * outcome.loads as f64;
    assert!(loading < 0.25 * outcome.seconds, "{loading} of {} s were spent on loading", outcome.seconds);
}

#[test]
fn what_was_accepted_waits_for_the_device_that_is_still_coming() {
    let hour = Duration::from_secs(3600);
    for (word, comes) in [(SimFault::Late, true), (SimFault::Absent, false)] {
        let cost = Cost::measured(Curve::linear(0.05, 0.05, 8));
        let cluster = SimCluster {
            rules: Rules::default(),
            devices: 2,
            memory: None,
            models: vec![SimModel { bytes: 1, load: 0.5 }],
            shapes: vec![SimShape { model: 0, width: 64, height: 64, cost, rows_max: u32::MAX }],
            loaded: vec![0],
            faults: vec![(Duration::from_secs(1), 0, SimFault::Lost(hour)), (Duration::from_secs(5), 1, word)],
            checked: true,
            asked_every: Some(Duration::from_millis(300)),
        };
        let submission = Submission {
            group: Group(0),
            pictures: 1,
            branches: 2,
            evaluations: 20,
            single: Vec::new(),
            user: None,
            priority: 0,
            time_limit: None,
            preview_every: 0,
            alike: 0,
        };
        let arrivals = vec![Arrival { at: Duration::ZERO, submission, leaves_after: None }; 5];
        let outcome = cluster.run(&arrivals);
        assert!(outcome.restarts > 0, "the device was lost under its pictures");
        for story in &outcome.stories {
            match comes {
                true => assert!(story.end == End::Finished && story.ended > 5.0, "{story:?}"),
                // With the last hope, and not before.
                false => {
                    assert!(matches!(story.end, End::Failed(Failure::Backend(BackendError::Device(_)))), "{story:?}");
                    assert!((story.ended - 5.0).abs() < 1e-9, "{story:?}");
                }
            }
        }
    }
}
