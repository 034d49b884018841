//! A server over a toy device, without a port.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod native;
pub mod platform;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, Response, StatusCode},
};
use easel_api::{ApiConfig, AppState, Door, FilesConfig, Services, router};
use easel_engine::{
    Engine, EngineConfig,
    sim::{Gate, Probe, SimBackend, SimConfig},
};
use easel_platform::Platform;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// Some moment in 2026.
pub const NOW: u64 = 1_790_000_000;

/// A server and what a test wants to see of it.
pub struct Server {
    pub platform: Arc<Platform>,
    pub router: Router,
    pub engine: Engine,
    pub probe: Probe,
    pub clock: Arc<Mutex<SystemTime>>,
    _files: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("the body can be read");
        Self { status: parts.status, headers: parts.headers, bytes: bytes.to_vec() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.bytes)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The error, after a check that all four keys are there, and nothing else but details.
    pub fn error(&self) -> Value {
        let json = self.json();
        let error = json["error"].as_object().unwrap_or_else(|| panic!("no error in {json}"));
        let mut keys: Vec<_> = error.keys().map(String::as_str).collect();
        keys.retain(|key| *key != "details");
        keys.sort_unstable();
        assert_eq!(keys, ["code", "message", "param", "type"], "{json}");
        assert!(error["message"].is_string() && error["type"].is_string() && error["code"].is_string(), "{json}");
        assert!(error["param"].is_null() || error["param"].is_string(), "{json}");
        assert!(self.headers.contains_key("x-request-id"));
        json["error"].clone()
    }

    pub fn code(&self) -> String {
        self.error()["code"].as_str().expect("a string").to_owned()
    }
}

/// JSON for snapshots: keys sorted, whatever order serde_json was built to keep.
pub fn pretty(json: &Value) -> String {
    fn sorted(json: &Value) -> Value {
        match json {
            Value::Object(object) => {
                let ordered: BTreeMap<_, _> = object.iter().collect();
                ordered.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
            }
            Value::Array(values) => values.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    format!("{:#}", sorted(json))
}

pub async fn server() -> Server {
    server_with(SimConfig::default(), EngineConfig::default(), |_| {}).await
}

pub async fn server_with(sim: SimConfig, config: EngineConfig, change: impl FnOnce(&mut ApiConfig)) -> Server {
    let (backend, probe) = SimBackend::new(sim);
    let config = EngineConfig { clock: Arc::new(probe.clone()), seeds: Arc::new(|| 1000), ..config };
    let engine = Engine::start(move || Ok(backend), config);
    engine.ready().await.expect("the toy device comes up");
    server_over(engine, probe, change).await
}

/// One whose device takes a moment for each step, so that whoever watches sees all of it.
pub async fn slow_server() -> Server {
    let gate = Gate::closed();
    let server =
        server_with(SimConfig { gate: Some(gate.clone()), ..SimConfig::default() }, EngineConfig::default(), |_| {}).await;
    tokio::spawn(async move {
        loop {
            // One at a time, however late we are: steps that were let through in advance would be gone through at once.
            tokio::time::sleep(Duration::from_millis(20)).await;
            if gate.waiting() > 0 {
                gate.allow(1);
            }
        }
    });
    server
}

/// With webhooks, logging in elsewhere, or limits.
pub async fn server_with_services(services: impl FnOnce(&Platform) -> Services) -> Server {
    server_with_services_on(SimConfig::default(), services).await
}

/// The same over such a device.
pub async fn server_with_services_on(sim: SimConfig, services: impl FnOnce(&Platform) -> Services) -> Server {
    let (backend, probe) = SimBackend::new(sim);
    let config = EngineConfig { clock: Arc::new(probe.clone()), seeds: Arc::new(|| 1000), ..EngineConfig::default() };
    let engine = Engine::start(move || Ok(backend), config);
    engine.ready().await.expect("the toy device comes up");
    serve(engine, probe, |config| config.door = Door::Accounts, services).await
}

/// With other settings, and with what else a server may offer.
pub async fn server_changed(change: impl FnOnce(&mut ApiConfig), services: impl FnOnce(&Platform) -> Services) -> Server {
    let (backend, probe) = SimBackend::new(SimConfig::default());
    let config = EngineConfig { clock: Arc::new(probe.clone()), seeds: Arc::new(|| 1000), ..EngineConfig::default() };
    let engine = Engine::start(move || Ok(backend), config);
    engine.ready().await.expect("the toy device comes up");
    serve(engine, probe, change, services).await
}

pub async fn server_over(engine: Engine, probe: Probe, change: impl FnOnce(&mut ApiConfig)) -> Server {
    serve(engine, probe, change, |_| Services::default()).await
}

async fn serve(
    engine: Engine,
    probe: Probe,
    change: impl FnOnce(&mut ApiConfig),
    services: impl FnOnce(&Platform) -> Services,
) -> Server {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("easel.db").display());
    let clock = Arc::new(Mutex::new(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)));
    let seen = Arc::clone(&clock);
    let now = move || *seen.lock().expect("no test panics with it");
    let files = FilesConfig { clock: Arc::new(now), ..FilesConfig::new(folder.path().join("files")) };
    // These tests ask for a server by other names than its own.
    let door = Door::Local { hosts: vec!["easel.test".to_owned(), "easel".to_owned()] };
    let mut config = ApiConfig { door, ..ApiConfig::new(files) };
    change(&mut config);
    let platform = platform::open(&url, folder.path()).await;
    let state = AppState::new(engine.clone(), Arc::clone(&platform), config).expect("the folder can be used");
    let state = state.with_services(services(&platform));
    Server { platform, router: router(state), engine, probe, clock, _files: folder }
}

impl Server {
    pub fn wait(&self, seconds: u64) {
        *self.clock.lock().expect("no test panics with it") += Duration::from_secs(seconds);
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.expect("the router cannot fail")).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, Body::empty())).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(request(Method::POST, path, body.into())).await
    }

    pub async fn generate(&self, body: Value) -> Answer {
        self.post("/v1/images/generations", body.to_string()).await
    }
}

pub fn request(method: Method, path: &str, body: Body) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("host", "easel.test:8080").header("content-type", "application/json");
    request.body(body).expect("a well-formed request")
}
