//! A request that nobody wants any more stops within one step.

use crate::common::{engine, finished, given_back, pictures, request, started};
use easel_engine::{
    EngineConfig, Outcome,
    sim::{Gate, Probe, SimConfig},
};

fn gated() -> (SimConfig, Gate) {
    let gate = Gate::closed();
    (SimConfig { gate: Some(gate.clone()), steps: 50, ..SimConfig::default() }, gate)
}

fn steps(probe: &Probe) -> usize {
    probe.calls().iter().filter(|call| call.starts_with("step")).count()
}

#[tokio::test]
async fn cancelling_stops_before_the_next_step_and_gives_the_slots_back() {
    let (sim, gate) = gated();
    let (engine, probe) = engine(sim, EngineConfig::default()).await;
    let mut ticket = engine.submit(pictures(1, 3)).unwrap();
    started(&mut ticket).await;
    ticket.cancel();
    gate.open();
    assert_eq!(ticket.outcome().await, Outcome::Cancelled);
    finished(engine.submit(request(2)).unwrap()).await;
    // At most the step that was under way when it was cancelled, and the 50 of the request after it.
    assert!(steps(&probe) <= 51, "{:?}", probe.calls());
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn dropping_the_ticket_cancels() {
    let (sim, gate) = gated();
    let (engine, probe) = engine(sim, EngineConfig::default()).await;
    let mut ticket = engine.submit(request(1)).unwrap();
    started(&mut ticket).await;
    drop(ticket);
    gate.open();
    finished(engine.submit(request(2)).unwrap()).await;
    assert!(steps(&probe) <= 51, "{:?}", probe.calls());
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn somebody_else_can_cancel_and_too_late_does_nothing() {
    let (sim, gate) = gated();
    let (engine, _) = engine(sim, EngineConfig::default()).await;
    let ticket = engine.submit(request(1)).unwrap();
    let other = ticket.canceller();
    gate.open();
    let outcome = ticket.outcome().await;
    other.cancel();
    assert!(matches!(outcome, Outcome::Finished(_)));
    finished(engine.submit(request(2)).unwrap()).await;
}
