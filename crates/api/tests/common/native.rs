//! The native API over a real database, with a worker over a toy device.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_api::{ApiConfig, AppState, Door, FilesConfig, Services, router};
use easel_engine::{
    Engine, EngineConfig,
    sim::{Probe, SimBackend, SimConfig},
};
use easel_platform::{
    Platform, PlatformSettings,
    accounts::{Actor, Registration},
    plans::Catalogue,
    records::{Role, User},
    worker::{Worker, WorkerSettings},
};
use easel_testing::Database;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower::ServiceExt;

use super::{Answer, platform};

pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What everybody's password is.
pub const PASSWORD: &str = "a long sentence nobody says";

/// A server whose people need accounts.
pub struct Native {
    pub router: axum::Router,
    pub platform: Arc<Platform>,
    pub engine: Engine,
    pub probe: Probe,
    worker: Option<JoinHandle<()>>,
}

impl Drop for Native {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            worker.abort();
        }
    }
}

/// With a worker.
pub async fn native(database: &Database) -> Native {
    let mut native = native_with(database, SimConfig::default()).await;
    native.start_worker();
    native
}

/// Without a worker.
pub async fn native_with(database: &Database, sim: SimConfig) -> Native {
    native_serving(database, sim, Catalogue::embedded(), |_| Services::default()).await
}

/// With plans of its own, and what else a server may offer.
pub async fn native_serving(
    database: &Database,
    sim: SimConfig,
    catalogue: Catalogue,
    services: impl FnOnce(&Platform) -> Services,
) -> Native {
    let platform = platform::open_with(database.url(), &database.dir(), catalogue).await;
    over(database, sim, platform, services).await
}

/// With a worker, on a server that divides people into organisations.
pub async fn native_divided(database: &Database) -> Native {
    native_changed(database, |settings| settings.multi_tenant = true).await
}

/// With a worker, and with other settings than a test's usual ones.
pub async fn native_changed(database: &Database, change: impl FnOnce(&mut PlatformSettings)) -> Native {
    let platform = platform::open_changed(database.url(), &database.dir(), Catalogue::embedded(), change).await;
    let mut native = over(database, SimConfig::default(), platform, |_| Services::default()).await;
    native.start_worker();
    native
}

async fn over(
    database: &Database,
    sim: SimConfig,
    platform: Arc<Platform>,
    services: impl FnOnce(&Platform) -> Services,
) -> Native {
    let (backend, probe) = SimBackend::new(sim);
    let config = EngineConfig { clock: Arc::new(probe.clone()), seeds: Arc::new(|| 1000), ..EngineConfig::default() };
    let engine = Engine::start(move || Ok(backend), config);
    engine.ready().await.expect("the toy device comes up");
    let config = ApiConfig { door: Door::Accounts, ..ApiConfig::new(FilesConfig::new(database.dir().join("files"))) };
    let state = AppState::new(engine.clone(), Arc::clone(&platform), config).expect("the folder can be used");
    let state = state.with_services(services(&platform));
    Native { router: router(state), platform, engine, probe, worker: None }
}

impl Native {
    pub fn start_worker(&mut self) {
        let worker = Worker::new(Arc::clone(&self.platform), self.engine.clone(), WorkerSettings::new("test"));
        self.worker = Some(tokio::spawn(async move { worker.run(std::future::pending()).await }));
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.expect("the router cannot fail")).await
    }

    /// A request of somebody, with a JSON body if there is one.
    pub async fn call(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "easel.test");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).expect("a well-formed request")).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path, token, None).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.call(Method::POST, path, token, Some(body)).await
    }

    pub async fn delete(&self, path: &str, token: &str) -> Answer {
        self.call(Method::DELETE, path, token, None).await
    }

    /// Somebody who is registered, with this role and plan, and logged in.
    pub async fn somebody(&self, name: &str, role: Role, plan: &str) -> Outcome<(User, String)> {
        let email = format!("{name}@example.org");
        let registration = Registration { email: &email, password: PASSWORD, username: Some(name), ..Registration::default() };
        let user = self.platform.accounts.register(registration).await?;
        let operator = Actor::operator();
        self.platform.accounts.set_plan(&operator, &user.id, plan, None).await?;
        if role != Role::User {
            self.platform.accounts.set_role(&operator, &user.id, role).await?;
        }
        let answer = self.post("/api/v1/auth/login", "", json!({"email": email, "password": PASSWORD})).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let token = answer.json()["access_token"].as_str().ok_or("a token")?.to_owned();
        Ok((self.platform.accounts.get(&user.id).await?, token))
    }

    /// Asks for a job and waits for its end.
    pub async fn drawn(&self, token: &str, body: Value) -> Value {
        let answer = self.post("/api/v1/images/generate?wait=true", token, body).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()
    }

    /// Waits for a job's end.
    pub async fn ended(&self, token: &str, job: &Value) -> Value {
        for _ in 0..600 {
            let answer = self.get(&format!("/api/v1/jobs/{}", job["id"].as_str().expect("an id")), token).await;
            assert_eq!(answer.status, 200, "{}", answer.json());
            if !["queued", "processing"].contains(&answer.json()["state"].as_str().expect("a state")) {
                return answer.json();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the job does not end: {job}");
    }

    /// What somebody can spend and what is set aside, in whole credits.
    pub async fn balance(&self, user: &User) -> Outcome<(i64, i64)> {
        let balance = self.platform.desk.balance(&user.id).await?;
        Ok((balance.available.0 / 1_000_000, balance.pending.0 / 1_000_000))
    }

    /// The books are right and every file is there.
    pub async fn assert_clean(&self) -> Outcome {
        let platform = &self.platform;
        let blobs = Some(platform.blobs.clone());
        let fsck = easel_platform::fsck::Fsck::new(platform.context.clone(), platform.jobs.clone(), blobs);
        let report = fsck.check().await?;
        assert!(report.is_clean(), "{:#?}", report.findings);
        Ok(())
    }
}
