//! What goes wrong in one request fails that request alone; a lost device fails the engine.

use std::{sync::mpsc, time::Duration};

use crate::common::{engine, failed, finished, given_back, measured_engine, pictures, request, rules, started};
use easel_backend::BackendError;
use easel_engine::{
    Engine, EngineConfig, Event, Factory, State, SubmitError,
    scheduler::Rules,
    sim::{Call, Fault, Gate, Probe, SimBackend, SimConfig, picture},
};
use easel_types::GenerationRequest;

fn with_fault(call: Call, at: u32, fault: Fault) -> SimConfig {
    SimConfig { faults: vec![(call, at, fault)], ..SimConfig::default() }
}

#[tokio::test]
async fn one_request_fails_and_those_beside_and_after_it_are_served() {
    let faults = [(Fault::OutOfMemory, "out_of_memory"), (Fault::NonFinite, "non_finite"), (Fault::Panic, "internal_error")];
    for call in [Call::Prepare, Call::Step, Call::Decode] {
        for (fault, code) in faults {
            let gate = Gate::closed();
            let sim = SimConfig { poison: vec![(2, call, fault)], gate: Some(gate.clone()), ..SimConfig::default() };
            let (engine, probe) = engine(sim, EngineConfig::default()).await;
            let mut first = engine.submit(request(1)).unwrap();
            started(&mut first).await;
            let bad = engine.submit(request(2)).unwrap();
            let beside = engine.submit(request(3)).unwrap();
            gate.open();
            assert_eq!(failed(bad).await, code, "{call:?} {fault:?}");
            for (ticket, seed) in [(first, 1), (beside, 3), (engine.submit(request(4)).unwrap(), 4)] {
                assert_eq!(finished(ticket).await[0].image, picture(seed, 128, 128), "{call:?} {fault:?}");
            }
            assert_eq!(engine.status().state, State::Ready);
            given_back(&engine, &probe).await;
        }
    }
}

#[tokio::test]
async fn a_panic_that_does_not_come_back_costs_nobody_his_picture() {
    let gate = Gate::closed();
    let sim = SimConfig { gate: Some(gate.clone()), ..with_fault(Call::Step, 3, Fault::Panic) };
    let (engine, probe) = measured_engine(sim).await;
    let tickets: Vec<_> = (1..=3).map(|seed| engine.submit(request(seed)).unwrap()).collect();
    gate.open();
    for (ticket, seed) in tickets.into_iter().zip(1..) {
        assert_eq!(finished(ticket).await[0].image, picture(seed, 128, 128));
    }
    given_back(&engine, &probe).await;
}

/// Two devices: the first is lost at its second step, the second comes up when it is told to.
struct Pair {
    engine: Engine,
    first: Probe,
    second: Probe,
    /// Holds the first device's steps back.
    gate: Gate,
    bring_up: mpsc::Sender<easel_backend::Result<()>>,
}

async fn pair() -> Pair {
    let gate = Gate::closed();
    let (sick, first) = SimBackend::new(SimConfig { gate: Some(gate.clone()), ..with_fault(Call::Step, 2, Fault::Device) });
    let (healthy, second) = SimBackend::new(SimConfig::default());
    let (bring_up, told) = mpsc::channel::<easel_backend::Result<()>>();
    let devices: Vec<Factory<SimBackend>> =
        vec![Box::new(move || Ok(sick)), Box::new(move || told.recv().expect("the test is still there").map(|()| healthy))];
    let engine = Engine::start_on(devices, EngineConfig::default());
    engine.ready().await.expect("the first device comes up");
    Pair { engine, first, second, gate, bring_up }
}

/// Gives the other threads time until something is so.
async fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("not after a minute: {what}");
}

#[tokio::test]
async fn the_requests_of_a_lost_device_start_again_on_another() {
    // The other device may be there when the first is lost, or still be on its way.
    for there in [true, false] {
        let Pair { engine, first, second, gate, bring_up } = pair().await;
        let mut tickets: Vec<_> = (1..=4).map(|seed| engine.submit(request(seed)).unwrap()).collect();
        started(&mut tickets[0]).await;
        until("the first device steps", || gate.waiting() == 1).await;
        if there {
            bring_up.send(Ok(())).unwrap();
            // The first device is held back: these are for the second.
            tickets.extend((5..=6).map(|seed| engine.submit(request(seed)).unwrap()));
            until("the second device draws", || second.calls().iter().any(|call| call.starts_with("step"))).await;
            gate.open();
        } else {
            gate.open();
            until("the first device is lost", || engine.status().devices_lost == 1).await;
            assert_eq!(engine.status().state, State::Ready);
            assert_eq!(engine.submit(request(7)).unwrap_err(), SubmitError::Loading);
            bring_up.send(Ok(())).unwrap();
        }
        for (ticket, seed) in tickets.into_iter().zip(1..) {
            assert_eq!(finished(ticket).await[0].image, picture(seed, 128, 128));
        }
        let steps = first.calls().iter().filter(|call| call.starts_with("step")).count();
        assert_eq!(steps, 2, "the first device's second step is its last");
        assert_eq!((engine.status().devices_lost, engine.status().state), (1, State::Ready));
        // Requests go on being served.
        finished(engine.submit(request(8)).unwrap()).await;
    }
}

#[tokio::test]
async fn when_the_last_hope_does_not_come_up_everything_fails() {
    let Pair { engine, gate, bring_up, .. } = pair().await;
    let mut ticket = engine.submit(request(1)).unwrap();
    started(&mut ticket).await;
    gate.open();
    until("the first device is lost", || engine.status().devices_lost == 1).await;
    bring_up.send(Err(BackendError::Device("no such card".to_owned()))).unwrap();
    assert_eq!(failed(ticket).await, "device_failed");
    engine.stopped().await;
    assert_eq!(engine.status().state, State::Failed);
}

#[tokio::test]
async fn an_engine_stops_even_if_a_device_did_not_come_up() {
    let Pair { engine, bring_up, .. } = pair().await;
    engine.drain();
    bring_up.send(Err(BackendError::Device("no such card".to_owned()))).unwrap();
    engine.stopped().await;
    assert_eq!(engine.status().state, State::Stopped);
}

#[tokio::test]
async fn out_of_memory_halves_the_rows_and_the_engine_remembers() {
    let (engine, probe) = measured_engine(SimConfig { rows_max: 2, steps: 2, ..SimConfig::default() }).await;
    let drawn = finished(engine.submit(pictures(7, 5)).unwrap()).await;
    let calls = probe.calls();
    let steps: Vec<_> = calls.iter().filter(|call| call.starts_with("step")).map(String::as_str).collect();
    insta::assert_snapshot!(steps.join("\n"), @r"
    step 0@0 1@0 2@0 3@0 4@0
    step 0@0 1@0
    step 0@1 1@1
    step 2@0 3@0
    step 2@1 3@1
    step 4@0
    step 4@1
    ");
    assert_eq!(drawn.len(), 5);
    assert_eq!(drawn[4].image, picture(11, 128, 128));
}

#[tokio::test]
async fn admission_that_runs_out_of_memory_waits_for_the_pictures_before() {
    let (engine, probe) = engine(with_fault(Call::Admit, 3, Fault::OutOfMemory), EngineConfig::default()).await;
    let drawn = finished(engine.submit(pictures(7, 3)).unwrap()).await;
    assert_eq!(drawn.iter().map(|picture| picture.resolved.seed).collect::<Vec<_>>(), [7, 8, 9]);
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn another_model_makes_room_for_itself() {
    let sim = SimConfig { models: vec!["one".into(), "org/two".into()], models_max: 1, ..SimConfig::default() };
    let (engine, probe) = engine(sim, EngineConfig::default()).await;
    let request = GenerationRequest { model: Some("org/two".into()), ..request(1) };
    assert_eq!(finished(engine.submit(request).unwrap()).await[0].resolved.model, "org/two".into());
    assert_eq!(probe.loaded(), ["org/two".into()]);
    let unknown = GenerationRequest { model: Some("three".into()), ..crate::common::request(1) };
    assert_eq!(engine.submit(unknown).unwrap_err(), SubmitError::UnknownModel("three".into()));
}

#[tokio::test]
async fn a_lost_device_fails_everybody_and_the_engine_for_good() {
    let gate = Gate::closed();
    let sim = SimConfig { gate: Some(gate.clone()), ..with_fault(Call::Step, 2, Fault::Device) };
    let (engine, _) = engine(sim, EngineConfig::default()).await;
    let mut drawn = engine.submit(request(1)).unwrap();
    started(&mut drawn).await;
    let waiting = engine.submit(request(2)).unwrap();
    gate.open();
    assert_eq!(failed(drawn).await, "device_failed");
    assert_eq!(failed(waiting).await, "device_failed");
    engine.stopped().await;
    assert_eq!(engine.status().state, State::Failed);
    assert!(engine.status().failure.is_some_and(|why| why.contains("as planned")));
    assert_eq!(engine.submit(request(3)).unwrap_err(), SubmitError::Failed);
}

#[tokio::test]
async fn repeated_panics_fail_the_engine_and_a_success_between_them_does_not_count() {
    let panic = |at| (Call::Step, at, Fault::Panic);
    // One step a picture: request n makes step call n.
    let sim = SimConfig { steps: 1, faults: vec![panic(1), panic(3), panic(4)], ..SimConfig::default() };
    let (engine, _) = engine(sim, rules(Rules { panics_max: 2, ..Rules::default() })).await;
    assert_eq!(failed(engine.submit(request(1)).unwrap()).await, "internal_error");
    finished(engine.submit(request(2)).unwrap()).await;
    assert_eq!(failed(engine.submit(request(3)).unwrap()).await, "internal_error");
    assert_eq!(failed(engine.submit(request(4)).unwrap()).await, "internal_error");
    engine.stopped().await;
    assert_eq!(engine.status().state, State::Failed);
}

#[tokio::test]
async fn a_backend_that_does_not_come_up_is_reported() {
    let down = || Err::<SimBackend, _>(BackendError::Device("no such card".to_owned()));
    let engine = Engine::start(down, EngineConfig::default());
    assert_eq!(engine.ready().await, Err(SubmitError::Failed));
    assert_eq!(engine.status().failure.as_deref(), Some("device failure: no such card"));

    let (backend, _) = SimBackend::new(with_fault(Call::Load, 1, Fault::OutOfMemory));
    let engine = Engine::start(move || Ok(backend), EngineConfig::default());
    assert_eq!(engine.ready().await, Err(SubmitError::Failed));

    let panicking = || -> easel_backend::Result<SimBackend> { panic!("bad driver") };
    let engine = Engine::start(panicking, EngineConfig::default());
    assert_eq!(engine.ready().await, Err(SubmitError::Failed));
    assert_eq!(engine.status().failure.as_deref(), Some("panic: bad driver"));
}

#[tokio::test]
async fn messages_for_users_carry_no_internals() {
    let (engine, _) = engine(with_fault(Call::Step, 1, Fault::Device), EngineConfig::default()).await;
    let mut ticket = engine.submit(request(1)).unwrap();
    while let Some(event) = ticket.next().await {
        if let Event::Failed(error) = event {
            assert!(!error.to_string().contains("as planned"), "{error}");
            assert!(error.detail.is_some_and(|detail| detail.contains("as planned")));
        }
    }
}
