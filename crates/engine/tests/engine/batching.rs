//! Requests share batches step by step: they join and leave between any two steps, and nobody has to be like the others.

use std::{sync::Arc, time::Duration};

use crate::common::{engine, finished, given_back, held, measured_engine, pictures, request, rules, started};
use easel_engine::{
    Engine, EngineConfig, Event, SubmitError, Terms, Ticket,
    scheduler::{Policy, Rules},
    sim::{Gate, Probe, SimBackend, SimConfig, picture},
};
use easel_types::{GenerationRequest, Noising, SamplerKind};

fn steps(probe: &Probe) -> Vec<String> {
    probe.calls().into_iter().filter(|call| call.starts_with("step")).collect()
}

fn gated(steps: u32) -> (SimConfig, Gate) {
    let gate = Gate::closed();
    (SimConfig { gate: Some(gate.clone()), steps, ..SimConfig::default() }, gate)
}

/// Waits until a request has done this many steps.
async fn stepped(ticket: &mut Ticket, steps: u32) {
    while let Some(event) = ticket.next().await {
        if matches!(event, Event::Step { index, .. } if index == steps) {
            return;
        }
    }
    panic!("it ended before step {steps}");
}

#[tokio::test]
async fn a_request_joins_a_running_batch_and_leaves_it_before_the_others() {
    let (sim, gate) = gated(6);
    let (engine, probe) = measured_engine(sim).await;
    let mut long = engine.submit(request(1)).unwrap();
    started(&mut long).await;
    gate.allow(2);
    stepped(&mut long, 2).await;
    let other = GenerationRequest { num_inference_steps: Some(2), sampler: Some(SamplerKind::Dpmpp2m), ..request(2) };
    let short = engine.submit(GenerationRequest { guidance_scale: Some(1.0), ..other }).unwrap();
    gate.open();
    assert_eq!(finished(short).await[0].image, picture(2, 128, 128));
    assert_eq!(finished(long).await[0].image, picture(1, 128, 128));
    let calls = steps(&probe);
    let together = calls.iter().filter(|call| call.split(' ').count() == 3).count();
    assert_eq!(together, 2, "both of the short one's steps are shared: {calls:?}");
    assert_eq!(calls.len(), 6, "and cost no step of their own: {calls:?}");
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn an_evaluation_that_leaves_a_row_out_counts_as_one() {
    let (engine, probe) = engine(SimConfig::default(), EngineConfig::default()).await;
    let noising = Noising { unguided_below: 1000.0, ..Noising::default() };
    finished(engine.submit(GenerationRequest { noising, ..request(1) }).unwrap()).await;
    let metrics = engine.metrics();
    let told = |name: &str| {
        metrics.lines().find(|line| line.starts_with(name)).and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
    };
    // Four evaluations: two rows, one, two, one.
    assert_eq!((told("easel_engine_batch_rows_count"), told("easel_engine_batch_rows_sum")), (Some(4.0), Some(6.0)));
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn shapes_do_not_share_a_batch_but_the_device() {
    let (sim, gate) = gated(3);
    let (engine, probe) = engine(sim, EngineConfig::default()).await;
    let small = engine.submit(request(1)).unwrap();
    let large = engine.submit(GenerationRequest { width: Some(256), ..request(2) }).unwrap();
    gate.open();
    assert_eq!(finished(small).await[0].image, picture(1, 128, 128));
    assert_eq!(finished(large).await[0].image, picture(2, 256, 128));
    assert_eq!(steps(&probe).len(), 6);
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn priority_goes_first_and_a_greedy_user_waits_for_the_others() {
    let (sim, gate) = gated(2);
    let rules = Rules { rows_max: 2, user_share: 1, admitted_max: 1, ..Rules::default() };
    let (engine, probe) = engine(sim, crate::common::rules(rules)).await;
    let first = engine.submit(request(0)).unwrap();
    // It has been prepared, so that what that takes is known: the others' ranks are of one knowledge.
    held(&gate).await;
    let terms = |user: &str, priority| Terms { user: Some(user.to_owned()), priority, ..Terms::default() };
    let mut waiting = Vec::new();
    for (seed, terms) in [(1, terms("greedy", 0)), (2, terms("greedy", 0)), (3, terms("modest", 0)), (4, terms("paying", 10))] {
        waiting.push(engine.submit_on(request(seed), &terms).unwrap());
    }
    gate.open();
    finished(first).await;
    for ticket in waiting {
        finished(ticket).await;
    }
    assert_eq!(probe.seeds(), [0, 4, 1, 3, 2]);
}

#[tokio::test]
async fn a_user_has_a_limit_of_his_own() {
    let (sim, gate) = gated(2);
    let (engine, _) = engine(sim, rules(Rules { user_queue_max: 2, ..Rules::default() })).await;
    let terms = Terms { user: Some("somebody".to_owned()), ..Terms::default() };
    let held: Vec<_> = (0..2).map(|seed| engine.submit_on(request(seed), &terms).unwrap()).collect();
    let refused = engine.submit_on(request(9), &terms).unwrap_err();
    assert!(matches!(refused, SubmitError::UserLimit { unfinished: 2, .. }), "{refused}");
    let other = engine.submit(request(10)).unwrap();
    gate.open();
    for ticket in held.into_iter().chain([other]) {
        finished(ticket).await;
    }
    finished(engine.submit_on(request(11), &terms).unwrap()).await;
}

#[tokio::test]
async fn more_work_than_may_wait_is_refused_with_the_time_to_come_back() {
    let (sim, _gate) = gated(100);
    let (engine, _) = engine(sim, rules(Rules { backlog_max: Duration::from_secs(1), ..Rules::default() })).await;
    let mut held = Vec::new();
    let refused = loop {
        match engine.submit(pictures(1, 10)) {
            Ok(ticket) => held.push(ticket),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, SubmitError::QueueFull { retry_after, .. } if retry_after >= Duration::from_secs(1)), "{refused}");
    assert!(!held.is_empty(), "an idle server takes a request of any size");
}

#[tokio::test]
async fn a_request_that_runs_out_of_time_fails_and_gives_its_slot_back() {
    let (sim, gate) = gated(50);
    let (engine, probe) = measured_engine(sim).await;
    let terms = Terms { time_limit: Some(Duration::from_millis(1050)), ..Terms::default() };
    let hasty = engine.submit_on(request(1), &terms).unwrap();
    // Its first step has begun without the other one.
    held(&gate).await;
    let patient = engine.submit(request(2)).unwrap();
    gate.open();
    assert_eq!(crate::common::failed(hasty).await, "time_limit");
    finished(patient).await;
    let with_both = steps(&probe).iter().filter(|call| call.split(' ').count() == 3).count();
    // Steps take 100 ms: the one that ends at 1.1 s is its last, the eleventh, and the first was its own.
    assert_eq!(with_both, 10);
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn a_pause_stops_between_two_steps_and_loses_nothing() {
    let (sim, gate) = gated(4);
    let (engine, probe) = engine(sim, EngineConfig::default()).await;
    let mut ticket = engine.submit(request(1)).unwrap();
    started(&mut ticket).await;
    engine.pause(true);
    gate.open();
    let waiting = engine.submit(request(2)).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(steps(&probe).len() <= 1, "only the step that was under way");
    assert_eq!(engine.status().queued, 1);
    engine.pause(false);
    assert_eq!(finished(ticket).await[0].image, picture(1, 128, 128));
    assert_eq!(finished(waiting).await[0].image, picture(2, 128, 128));
}

#[tokio::test]
async fn previews_come_every_so_many_steps_and_only_if_asked_for() {
    for (every, most) in [(0, 0), (2, 3)] {
        let (engine, probe) = engine(SimConfig { steps: 8, ..SimConfig::default() }, EngineConfig::default()).await;
        let terms = Terms { preview_every: every, ..Terms::default() };
        let mut ticket = engine.submit_on(request(1), &terms).unwrap();
        let mut previews = 0;
        while let Some(event) = ticket.next().await {
            if let Event::Preview { picture: 0, image } = event {
                assert_eq!((image.width(), image.height()), (16, 16));
                previews += 1;
            }
        }
        // After steps 2, 4 and 6; the last step's is the picture itself. One that was not read in time was replaced by the next.
        assert!(previews <= most && (previews > 0) == (every > 0), "{previews}");
        given_back(&engine, &probe).await;
    }
}

#[tokio::test]
async fn a_step_waits_for_one_slice_of_other_work_at_most() {
    // Preparing and decoding take five slices of a whole step's time each.
    let (sim, gate) = gated(12);
    let sim = SimConfig { slices: 5, slice_time: Duration::from_millis(100), ..sim };
    let (engine, probe) = engine(sim, EngineConfig::default()).await;
    let mut first = engine.submit(request(1)).unwrap();
    started(&mut first).await;
    gate.allow(1);
    stepped(&mut first, 1).await;
    let others: Vec<_> =
        (2..5).map(|seed| engine.submit(GenerationRequest { num_inference_steps: Some(2), ..request(seed) }).unwrap()).collect();
    gate.open();
    finished(first).await;
    for other in others {
        finished(other).await;
    }
    let calls = probe.calls();
    let busy: Vec<_> = calls.iter().skip_while(|call| !call.starts_with("step")).collect();
    // While the first one's steps are due.
    let last_step = busy.iter().position(|call| call.contains("0@11")).unwrap();
    let mut slices = 0;
    for call in &busy[..last_step] {
        match call.split(' ').next() {
            Some("step") => slices = 0,
            Some("prepare" | "decode") => slices += 1,
            _ => {}
        }
        assert!(slices <= 1, "two slices between two steps: {busy:?}");
    }
}

#[tokio::test]
async fn every_policy_draws_the_same_pictures() {
    let window = Duration::from_millis(1);
    for policy in [Policy::StepLevel, Policy::OneAtATime, Policy::Static { rows: 4, window }, Policy::RequestLevel] {
        let (backend, probe) = SimBackend::new(SimConfig { steps: 3, ..SimConfig::default() });
        let engine = Engine::start(move || Ok(backend), rules(Rules { policy, ..Rules::default() }));
        engine.ready().await.unwrap();
        let tickets: Vec<_> = (0..7)
            .map(|seed| {
                engine.submit(GenerationRequest { num_inference_steps: Some(2 + seed as u32 % 2), ..request(seed) }).unwrap()
            })
            .collect();
        for (ticket, seed) in tickets.into_iter().zip(0..) {
            assert_eq!(finished(ticket).await[0].image, picture(seed, 128, 128), "{policy:?}");
        }
        given_back(&engine, &probe).await;
    }
}

#[tokio::test]
async fn models_take_turns_in_memory_that_holds_one() {
    let models = vec!["one".into(), "two".into()];
    let (backend, probe) = SimBackend::new(SimConfig { models, models_max: 1, steps: 2, ..SimConfig::default() });
    // Each takes a byte.
    let config = EngineConfig { memory: Some(1), clock: Arc::new(probe.clone()), ..EngineConfig::default() };
    let engine = Engine::start(move || Ok(backend), config);
    engine.ready().await.unwrap();
    for round in 0..200 {
        let model = if round % 2 == 0 { "two" } else { "one" };
        let ticket = engine.submit(GenerationRequest { model: Some(model.into()), ..request(round) }).unwrap();
        assert_eq!(finished(ticket).await[0].resolved.model, model.into());
        assert_eq!(probe.loaded(), [model.into()]);
    }
    assert_eq!(probe.calls().iter().filter(|call| call.starts_with("unload")).count(), 200);
    let metrics = engine.metrics();
    assert!(metrics.contains("easel_engine_model_evictions_total{model=\"one\"} 100"), "{metrics}");
}

#[tokio::test]
async fn a_pinned_model_stays_and_what_does_not_fit_beside_it_is_refused() {
    let models = vec!["one".into(), "two".into()];
    let (backend, probe) = SimBackend::new(SimConfig { models, models_max: 1, steps: 2, ..SimConfig::default() });
    let config = EngineConfig { memory: Some(1), pinned: vec!["one".into()], ..EngineConfig::default() };
    let engine = Engine::start(move || Ok(backend), config);
    engine.ready().await.unwrap();
    let other = engine.submit(GenerationRequest { model: Some("two".into()), ..request(1) }).unwrap();
    assert_eq!(crate::common::failed(other).await, "out_of_memory");
    assert_eq!(probe.loaded(), ["one".into()]);
    finished(engine.submit(request(2)).unwrap()).await;
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let (engine, _) = engine(SimConfig::default(), rules(Rules { queue_max: 0, ..Rules::default() })).await;
    let _ = engine.submit(request(1)).unwrap_err();
    let text = engine.metrics();
    assert!(text.contains("easel_engine_requests_refused_total{reason=\"queue_full\"} 1"), "{text}");
    let (engine, _) = crate::common::engine(SimConfig::default(), EngineConfig::default()).await;
    finished(engine.submit(request(1)).unwrap()).await;
    let text = engine.metrics();
    for line in [
        "easel_engine_requests_ended_total{outcome=\"finished\",reason=\"\"} 1",
        "easel_engine_step_seconds_count{device=\"sim\",model=\"sim\",shape=\"128x128\"} 4",
        "easel_engine_batch_rows_sum 8",
        "easel_engine_queue_depth 0",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}
