//! The end: draining finishes what was accepted, stopping does not, and dropping the last handle stops.

use crate::common::{engine, failed, finished, request, started};
use easel_engine::{
    Engine, EngineConfig, State, SubmitError,
    sim::{Gate, SimBackend, SimConfig},
};

fn gated() -> (SimConfig, Gate) {
    let gate = Gate::closed();
    (SimConfig { gate: Some(gate.clone()), ..SimConfig::default() }, gate)
}

#[tokio::test]
async fn draining_finishes_what_was_accepted_and_refuses_new_requests() {
    let (sim, gate) = gated();
    let (engine, probe) = engine(sim, EngineConfig::default()).await;
    let mut drawn = engine.submit(request(1)).unwrap();
    started(&mut drawn).await;
    let waiting = engine.submit(request(2)).unwrap();
    engine.drain();
    assert_eq!(engine.submit(request(3)).unwrap_err(), SubmitError::ShuttingDown);
    assert_eq!(engine.status().state, State::Draining);
    gate.open();
    finished(drawn).await;
    finished(waiting).await;
    engine.stopped().await;
    assert_eq!(engine.status().state, State::Stopped);
    assert!(probe.loaded().is_empty(), "models are given back");
}

#[tokio::test]
async fn stopping_ends_everything_within_a_step() {
    let (sim, gate) = gated();
    let (engine, probe) = engine(sim, EngineConfig::default()).await;
    let mut drawn = engine.submit(request(1)).unwrap();
    started(&mut drawn).await;
    let waiting = engine.submit(request(2)).unwrap();
    engine.stop();
    assert_eq!(failed(waiting).await, "shutting_down");
    gate.open();
    assert_eq!(failed(drawn).await, "shutting_down");
    engine.stopped().await;
    assert_eq!(probe.slots(), 0);
}

#[tokio::test]
async fn dropping_the_last_handle_stops_the_engine() {
    let (engine, probe) = engine(SimConfig::default(), EngineConfig::default()).await;
    let mut state = engine.watch();
    let second = engine.clone();
    drop(engine);
    finished(second.submit(request(1)).unwrap()).await;
    drop(second);
    state.wait_for(|state| *state == State::Stopped).await.unwrap();
    assert!(probe.loaded().is_empty());
}

#[tokio::test]
async fn requests_are_refused_while_the_model_loads() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (backend, _) = SimBackend::new(SimConfig::default());
    let factory = move || {
        let _ = held.recv();
        Ok(backend)
    };
    let engine = Engine::start(factory, EngineConfig::default());
    assert_eq!(engine.submit(request(1)).unwrap_err(), SubmitError::Loading);
    assert!(engine.models().is_empty());
    release.send(()).unwrap();
    engine.ready().await.unwrap();
    finished(engine.submit(request(1)).unwrap()).await;
}
