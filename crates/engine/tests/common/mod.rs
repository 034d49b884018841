//! A running engine over a toy device.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::Arc;

use easel_engine::{
    Engine, EngineConfig, Event, Outcome, Picture, Ticket,
    sim::{Gate, Probe, SimBackend, SimConfig},
};
use easel_types::GenerationRequest;

/// An engine in virtual time that is ready.
pub async fn engine(sim: SimConfig, config: EngineConfig) -> (Engine, Probe) {
    let (backend, probe) = SimBackend::new(sim);
    let config = EngineConfig { clock: Arc::new(probe.clone()), seeds: Arc::new(|| 1000), ..config };
    let engine = Engine::start(move || Ok(backend), config);
    engine.ready().await.expect("the toy device comes up");
    (engine, probe)
}

/// An engine that knows from the start what steps take, up to 32 rows: another one, on a device without a gate and with memory for all rows,
/// has measured it and left it in the file. So the scheduler knows that sharing makes nobody late.
pub async fn measured_engine(sim: SimConfig) -> (Engine, Probe) {
    let folder = tempfile::tempdir().expect("a folder");
    let curves = Some(folder.path().join("curves.json"));
    let open = SimConfig { gate: None, rows_max: usize::MAX, faults: Vec::new(), ..sim.clone() };
    let config = EngineConfig { measure: true, curves: curves.clone(), ..EngineConfig::default() };
    let (first, _) = engine(open, config).await;
    // It takes requests before it has measured, and draws them after.
    finished(first.submit(request(0)).expect("it is ready")).await;
    engine(sim, EngineConfig { curves, ..EngineConfig::default() }).await
}

/// Waits until a step is held back.
pub async fn held(gate: &Gate) {
    while gate.waiting() == 0 {
        tokio::task::yield_now().await;
    }
}

/// Ends an engine and checks that it has given everything back.
pub async fn given_back(engine: &Engine, probe: &Probe) {
    engine.drain();
    engine.stopped().await;
    assert_eq!(probe.slots(), 0, "slots leak: {:?}", probe.calls());
    assert!(probe.loaded().is_empty(), "models leak");
}

/// An engine's settings with other rules.
pub fn rules(rules: easel_engine::scheduler::Rules) -> EngineConfig {
    EngineConfig { rules, ..EngineConfig::default() }
}

pub fn request(seed: u64) -> GenerationRequest {
    GenerationRequest { seed: Some(seed), ..GenerationRequest::text_to_image("a cat") }
}

pub fn pictures(seed: u64, num_images: u32) -> GenerationRequest {
    GenerationRequest { num_images, ..request(seed) }
}

pub async fn finished(ticket: Ticket) -> Vec<Picture> {
    match ticket.outcome().await {
        Outcome::Finished(pictures) => pictures,
        other => panic!("expected pictures, got {other:?}"),
    }
}

/// The code a request failed with.
pub async fn failed(ticket: Ticket) -> &'static str {
    match ticket.outcome().await {
        Outcome::Failed(error) => error.code.as_str(),
        other => panic!("expected a failure, got {other:?}"),
    }
}

/// Every event, as one word each.
pub async fn story(mut ticket: Ticket) -> Vec<String> {
    let mut words = Vec::new();
    while let Some(event) = ticket.next().await {
        words.push(match event {
            Event::Queued { position, .. } => format!("queued {position}"),
            Event::Started => "started".to_owned(),
            Event::Step { index, total, .. } => format!("step {index}/{total}"),
            Event::Decoded { index, total } => format!("decoded {index}/{total}"),
            Event::Finished(pictures) => format!("finished {}", pictures.len()),
            Event::Failed(error) => format!("failed {}", error.code),
            Event::Cancelled => "cancelled".to_owned(),
            other => format!("{other:?}"),
        });
    }
    words
}

/// Waits until a ticket has seen its request start.
pub async fn started(ticket: &mut Ticket) {
    while let Some(event) = ticket.next().await {
        if event == Event::Started {
            return;
        }
    }
    panic!("the request ended before it started");
}
