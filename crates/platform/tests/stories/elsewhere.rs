//! A platform with a worker over a toy device, and providers of the recorded shape on this machine.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{sync::Arc, time::Duration};

use easel_engine::{
    Engine, EngineConfig,
    sim::{SimBackend, SimConfig},
};
use easel_imaging::{EncodeOptions, Format, encode};
use easel_outbound::Client;
use easel_platform::{
    Platform, PlatformSettings, SystemSecrets,
    accounts::Actor,
    fallback::{Consent, Fallback, FallbackSettings, OperatorAccount},
    jobs::NewJob,
    keyring::Keyring,
    orders::{Drawing, Order, Output, Work},
    worker::{Worker, WorkerSettings},
};
use easel_providers::{Catalogue, Kind, Limit, Micros, Pace, Rules, Secret};
use easel_store::{
    jobs::{Job, JobState},
    provider_spend,
    users::User,
};
use easel_types::Rgb8;

use crate::{
    common::{Outcome, World, catalogue, job_for},
    fakes::{
        Fake, Received, Reply,
        accounts::{account, base, hosts, model},
        client,
    },
};

/// A model that is nowhere but there.
pub const MODEL: &str = "elsewhere";
/// How long a test waits for a job.
const LONG: Duration = Duration::from_secs(60);

/// A picture that can be read.
pub fn picture() -> Vec<u8> {
    let image = Rgb8::new(64, 64, [[200, 40, 40]; 64 * 64].concat()).expect("so many bytes");
    encode(&image, &EncodeOptions::new(Format::Png)).expect("it can be written")
}

/// As a file.
pub fn file() -> Reply {
    Reply::With(200, "content-type: image/png\r\n".into(), picture())
}

/// As OpenAI's answers have it.
pub fn inline() -> Reply {
    use base64::{Engine, engine::general_purpose::STANDARD};
    Reply::ok(serde_json::json!({"created": 1, "data": [{"b64_json": STANDARD.encode(picture())}]}))
}

/// Whom a request is for.
pub fn is_for(request: &Received, kind: Kind) -> bool {
    let head = request.head.to_ascii_lowercase();
    let (api, files) = hosts(kind);
    [api, files].iter().any(|host| head.contains(&format!("host: {host}:")))
}

/// A platform whose operator has accounts, all at one fake.
pub struct Elsewhere {
    pub world: World,
    pub platform: Arc<Platform>,
    pub engine: Engine,
    pub fallback: Fallback,
    pub keyring: Keyring,
}

/// What differs between tests.
pub struct Setup {
    pub kinds: Vec<Kind>,
    pub budget: Limit,
    pub rules: Rules,
    pub own_accounts: bool,
    pub sim: SimConfig,
    pub idempotent: bool,
    pub webhook_secret: Option<&'static str>,
    pub pace: Option<Pace>,
    pub keyring: Option<Keyring>,
}

impl Setup {
    pub fn of(kinds: &[Kind]) -> Self {
        Self {
            kinds: kinds.to_vec(),
            budget: Limit { day: Micros(10_000_000), month: Micros(100_000_000) },
            rules: Rules { enabled: true, ..Rules::default() },
            own_accounts: false,
            sim: SimConfig::default(),
            idempotent: false,
            webhook_secret: None,
            pace: None,
            keyring: None,
        }
    }
}

/// Reaches the fakes of these services, and nothing else that is internal.
pub fn client_of(kinds: &[Kind], port: u16) -> Client {
    let names: Vec<_> = kinds.iter().flat_map(|&kind| [hosts(kind).0, hosts(kind).1]).collect();
    client(&names, port)
}

impl Elsewhere {
    pub async fn over(world: World, port: u16, setup: Setup) -> Outcome<Self> {
        let (backend, probe) = SimBackend::new(setup.sim);
        let config = EngineConfig { clock: Arc::new(probe), seeds: Arc::new(|| 1000), ..EngineConfig::default() };
        let engine = Engine::start(move || Ok(backend), config);
        engine.ready().await?;
        let settings =
            PlatformSettings { jobs: world.jobs.settings().clone(), secret: vec![7; 32], ..PlatformSettings::default() };
        let platform = Arc::new(Platform::new(world.context.clone(), catalogue(), world.blobs.clone(), settings)?);
        let keyring = setup.keyring.unwrap_or_else(|| Keyring::generate(&SystemSecrets));
        let accounts = setup.kinds.iter().map(|&kind| OperatorAccount {
            account: easel_providers::Account {
                budget: setup.budget,
                idempotent: setup.idempotent,
                ..account(kind, base(kind, port))
            },
            // One that any of them serves, one that this host has, and one that it alone serves.
            models: [MODEL.to_owned(), "sim".to_owned(), format!("{MODEL}-{kind}")]
                .map(|here| (here, model(kind).to_owned()))
                .into(),
            default_model: None,
            webhook_secret: setup.webhook_secret.map(Secret::new),
        });
        let settings = FallbackSettings {
            rules: setup.rules,
            own_accounts: setup.own_accounts,
            pace: setup.pace.unwrap_or(Pace { first: Duration::from_millis(5), longest: Duration::from_millis(20), retries: 2 }),
            time_limit: LONG,
            ..FallbackSettings::default()
        };
        let fallback = Fallback::new(
            world.context.clone(),
            keyring.clone(),
            client_of(&setup.kinds, port),
            platform.jobs.bus().clone(),
            Catalogue::shipped(),
            accounts.collect(),
            settings,
        )?;
        Ok(Self { world, platform, engine, fallback, keyring })
    }

    /// Somebody with so many credits more than a hundred, who lets their prompts leave.
    pub async fn somebody(&self, name: &str) -> Outcome<User> {
        let user = self.world.user(name, 0).await?;
        let consent = Consent { allow_external: true, ..Consent::default() };
        self.fallback.set_consent(&Actor::user(&user), &consent).await?;
        Ok(user)
    }

    /// Asks for a drawing as the API does.
    pub async fn ask(&self, user: &User, drawing: Drawing) -> Outcome<Job> {
        let here = self.engine.find_model(Some(&drawing.model.as_str().into())).is_ok();
        let (images, model) = (i64::from(drawing.count), drawing.model.clone());
        let order = Order { work: Work::Draw(Box::new(drawing)), output: Output::default() };
        let offer = self.fallback.offer(&user.id, &order, here).await?;
        let request = order.to_json();
        let new = NewJob { request: &request, model: &model, ..job_for(&user.id, images) };
        Ok(self.platform.jobs.submit_with(new, offer.as_ref()).await?.job)
    }

    pub fn worker(&self, name: &str) -> Worker {
        let settings = WorkerSettings { look_every: Duration::from_millis(20), ..WorkerSettings::new(name) };
        Worker::new(Arc::clone(&self.platform), self.engine.clone(), settings).with_fallback(Some(self.fallback.clone()))
    }

    /// Has a worker of this name work until the job has ended.
    pub async fn ended(&self, name: &str, job: &Job) -> Outcome<Job> {
        let worker = self.worker(name);
        let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
        let ended = async {
            loop {
                let now = self.platform.jobs.get(&job.user_id, &job.id).await?;
                if now.state.is_terminal() {
                    return Ok::<_, easel_platform::PlatformError>(now);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
                // What failed for now is tried again after a pause, which nobody waits for. Leases are longer than that.
                if now.state == JobState::Queued && now.attempt > 0 {
                    self.world.clock.advance(Duration::from_secs(3));
                }
            }
        };
        let ended = tokio::time::timeout(LONG, ended).await;
        working.abort();
        Ok(ended??)
    }

    /// Spent and set aside with an account today.
    pub async fn spent(&self, kind: Kind) -> Outcome<(i64, i64)> {
        let micros = u64::try_from(self.world.context.now().0)?;
        let (day, month) = easel_providers::periods_of(micros);
        let rows = provider_spend::of_periods(&self.world.context.db, i64::try_from(day)?, i64::try_from(month)?).await?;
        let row = rows.iter().find(|row| row.provider == kind.name() && row.period == "day");
        Ok(row.map_or((0, 0), |row| (row.spent, row.reserved)))
    }
}

/// How many requests hand work in.
pub fn submissions(fake: &Fake, kind: Kind) -> usize {
    let received = fake.received.lock().expect("no test panics with it");
    received.iter().filter(|request| is_for(request, kind) && crate::fakes::services::submits(kind, request)).count()
}
