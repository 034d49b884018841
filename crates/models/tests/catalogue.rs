//! Models that come and go under a running backend.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod common;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use common::fixture;
use easel_backend::{BackendError, DenoiseBackend};
use easel_models::{
    Device,
    backend::{AdapterOptions, BackendOptions, CandleBackend, Catalogue},
    prompt::PromptOptions,
};
use easel_types::ModelId;

/// Model, folder and hash; a test changes them.
type Shelf = Arc<Mutex<Vec<(ModelId, PathBuf, &'static str)>>>;

struct Shared(Shelf);

impl Catalogue for Shared {
    fn models(&self) -> Vec<ModelId> {
        self.0.lock().unwrap().iter().map(|(id, ..)| id.clone()).collect()
    }

    fn locate(&self, model: &ModelId) -> Option<PathBuf> {
        self.0.lock().unwrap().iter().find(|(id, ..)| id == model).map(|(_, path, _)| path.clone())
    }

    fn hash(&self, model: &ModelId) -> Option<String> {
        self.0.lock().unwrap().iter().find(|(id, ..)| id == model).map(|(.., hash)| (*hash).to_owned())
    }
}

fn backend() -> (CandleBackend, Shelf) {
    let shelf: Shelf = Arc::new(Mutex::new(vec![("a".into(), fixture("sd1"), "0000000001")]));
    let backend = CandleBackend::new(BackendOptions {
        device: Device::Cpu.open().unwrap(),
        catalogue: Box::new(Shared(shelf.clone())),
        variant: None,
        prompt: PromptOptions::default(),
        text_cache_bytes: 0,
        adapters: AdapterOptions::default(),
    });
    (backend, shelf)
}

#[test]
fn another_thread_learns_of_a_new_model_and_the_device_can_load_it() {
    let (mut backend, shelf) = backend();
    let source = backend.source().unwrap();
    shelf.lock().unwrap().push(("b".into(), fixture("sdxl"), "0000000002"));
    let described = std::thread::spawn(move || {
        assert_eq!(source.models(), ["a".into(), "b".into()]);
        source.describe_model(&"b".into()).unwrap()
    });
    let described = described.join().unwrap();
    assert_eq!((described.family.as_str(), described.hash.as_deref()), ("sdxl", Some("0000000002")));
    backend.load(&"b".into()).unwrap();
    assert!(backend.memory().weights > 0);
}

#[test]
fn a_model_that_was_replaced_stays_what_it_was_or_is_refused() {
    let (mut backend, shelf) = backend();
    let model = ModelId::from("a");
    assert_eq!(backend.describe_model(&model).unwrap().family, "sd1");
    shelf.lock().unwrap()[0] = (model.clone(), fixture("sd2"), "0000000009");
    backend.load(&model).unwrap();
    let same = backend.describe_model(&model).unwrap();
    assert_eq!((same.family.as_str(), same.hash.as_deref()), ("sd1", Some("0000000001")), "its files are still open");
    assert!(backend.source().unwrap().describe_model(&model).is_err(), "for whoever asks anew it is another model");
    backend.unload(&model);
    let error = backend.load(&model).unwrap_err();
    assert!(matches!(&error, BackendError::BadModel { reason, .. } if reason.contains("restart the server")), "{error}");
    shelf.lock().unwrap()[0] = (model.clone(), fixture("sd1"), "0000000001");
    backend.load(&model).unwrap();
}
