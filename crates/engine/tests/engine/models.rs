//! Models that come and go while the engine runs.

use crate::common::{engine, finished, given_back, request};
use easel_engine::{
    Engine, EngineConfig, StaysError, SubmitError,
    scheduler::Stays,
    sim::{Gate, Shelf, SimConfig},
};
use easel_types::{GenerationRequest, ModelId};

fn with(shelf: &Shelf) -> SimConfig {
    SimConfig { shelf: Some(shelf.clone()), ..SimConfig::default() }
}

fn names(engine: &Engine) -> Vec<String> {
    engine.models().iter().map(|model| model.id.0.clone()).collect()
}

fn of(model: &str) -> GenerationRequest {
    GenerationRequest { model: Some(model.into()), ..request(7) }
}

#[tokio::test]
async fn a_new_model_draws_without_a_restart_and_an_old_one_goes() {
    let shelf = Shelf::default();
    let (engine, probe) = engine(with(&shelf), EngineConfig::default()).await;
    assert!(matches!(engine.submit(of("new")), Err(SubmitError::UnknownModel(_))));
    shelf.put("new");
    engine.refresh_models().await;
    assert_eq!(names(&engine), ["sim", "new"]);
    assert_eq!(finished(engine.submit(of("new")).unwrap()).await.len(), 1);
    shelf.take("new");
    engine.refresh_models().await;
    assert_eq!(names(&engine), ["sim"]);
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn a_model_that_cannot_be_used_is_left_out_until_it_can() {
    let shelf = Shelf::default();
    let (engine, _probe) = engine(with(&shelf), EngineConfig::default()).await;
    shelf.put_broken("new");
    engine.refresh_models().await;
    assert_eq!(names(&engine), ["sim"]);
    shelf.take("new");
    shelf.put("new");
    engine.refresh_models().await;
    assert_eq!(names(&engine), ["sim", "new"]);
}

#[tokio::test]
async fn the_default_and_pinned_models_stay() {
    let shelf = Shelf::default();
    let models = ["first", "pinned", "other"];
    let sim = SimConfig { models: models.map(ModelId::from).to_vec(), ..with(&shelf) };
    let config = EngineConfig { pinned: vec![ModelId::from("pinned")], ..EngineConfig::default() };
    let (engine, _probe) = engine(sim, config).await;
    shelf.put("aaa");
    models.into_iter().for_each(|model| shelf.take(model));
    engine.refresh_models().await;
    assert_eq!(names(&engine), ["first", "pinned", "aaa"], "what requests without a model get does not change");
}

#[tokio::test]
async fn every_model_that_is_brought_in_at_the_start_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let curves = folder.path().join("curves.json");
    let models = ["first", "pinned", "other"];
    let sim = SimConfig { models: models.map(ModelId::from).to_vec(), ..SimConfig::default() };
    let pinned = vec![ModelId::from("pinned")];
    let config = EngineConfig { measure: true, preload: true, pinned, curves: Some(curves.clone()), ..EngineConfig::default() };
    let (engine, probe) = engine(sim, config).await;
    // It takes requests before it has measured, and draws them after.
    finished(engine.submit(of("other")).unwrap()).await;
    let kept = std::fs::read_to_string(&curves).unwrap();
    assert_eq!(models.map(|model| kept.contains(&format!("| {model} "))), [true, true, false], "{kept}");
    given_back(&engine, &probe).await;
}

/// The device is in the middle of a step the whole time.
#[tokio::test]
async fn nobody_waits_for_a_device() {
    let (shelf, gate) = (Shelf::default(), Gate::closed());
    let (engine, probe) = engine(SimConfig { gate: Some(gate.clone()), ..with(&shelf) }, EngineConfig::default()).await;
    let ticket = engine.submit(of("sim")).unwrap();
    shelf.put("new");
    engine.refresh_models().await;
    assert_eq!(names(&engine), ["sim", "new"]);
    gate.open();
    finished(ticket).await;
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn a_flood_of_questions_costs_two_looks() {
    let shelf = Shelf::default();
    let (engine, _probe) = engine(with(&shelf), EngineConfig::default()).await;
    let before = shelf.looks();
    // All of them come while the first one's look goes on, so they share the second.
    futures_util::future::join_all((0..100).map(|_| engine.refresh_models())).await;
    assert_eq!(shelf.looks() - before, 2);
}

fn in_memory(engine: &Engine) -> Vec<String> {
    engine.devices().iter().flat_map(|device| device.models.iter().map(|model| model.0.clone())).collect()
}

/// Looks until it is so: the device's thread does it between two steps.
async fn until_in_memory(engine: &Engine, wanted: &[&str]) {
    while in_memory(engine) != wanted {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn an_operator_brings_a_model_in_and_puts_it_out() {
    let sim = SimConfig { models: ["first", "other"].map(ModelId::from).to_vec(), ..SimConfig::default() };
    let (engine, probe) = engine(sim, EngineConfig::default()).await;
    assert_eq!(in_memory(&engine), ["first"], "the default is there from the start");
    engine.bring_in(&"other".into()).unwrap();
    engine.bring_in(&"other".into()).unwrap();
    until_in_memory(&engine, &["first", "other"]).await;
    engine.put_away(&"first".into()).unwrap();
    until_in_memory(&engine, &["other"]).await;
    assert_eq!(finished(engine.submit(of("first")).unwrap()).await.len(), 1, "who asks for it gets it all the same");
    assert!(matches!(engine.bring_in(&"none".into()), Err(StaysError::Submit(SubmitError::UnknownModel(_)))));
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn what_is_pinned_or_in_use_stays() {
    let gate = Gate::closed();
    let models = ["first", "pinned"].map(ModelId::from).to_vec();
    let sim = SimConfig { models, gate: Some(gate.clone()), ..SimConfig::default() };
    let config = EngineConfig { pinned: vec![ModelId::from("pinned")], ..EngineConfig::default() };
    let (engine, probe) = engine(sim, config).await;
    assert_eq!(engine.put_away(&"pinned".into()), Err(StaysError::Stays(Stays::Pinned)));
    let ticket = engine.submit(of("first")).unwrap();
    while engine.devices()[0].pictures == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(engine.put_away(&"first".into()), Err(StaysError::Stays(Stays::InUse)));
    gate.open();
    finished(ticket).await;
    engine.put_away(&"first".into()).unwrap();
    until_in_memory(&engine, &["pinned"]).await;
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn bringing_a_model_in_puts_the_least_used_out() {
    let sim = SimConfig { models: ["first", "other"].map(ModelId::from).to_vec(), ..SimConfig::default() };
    // Room for one of the two.
    let config = EngineConfig { memory: Some(1), ..EngineConfig::default() };
    let (engine, probe) = engine(sim, config).await;
    engine.bring_in(&"other".into()).unwrap();
    until_in_memory(&engine, &["other"]).await;
    given_back(&engine, &probe).await;
}
