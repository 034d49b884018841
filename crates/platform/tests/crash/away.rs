//! Workers that have jobs done elsewhere and are killed at any moment: no task is handed in twice, no credit captured twice, every job ends.
//!
//! The providers are here, slow, and kill the worker as often as not while it waits for them; else it is killed after a while that a seed
//! chose.

use std::{
    collections::BTreeMap,
    env,
    process::{Child, Command},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use easel_platform::{fallback::Consent, orders::Drawing};
use easel_providers::{Kind, Limit, Micros};
use easel_store::{Credits, jobs::JobState, provider_attempts};
use easel_testing::Database;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    CREDITS,
    child::{Mode, Orders, say, settings},
    common::{Outcome, World},
    elsewhere::{Elsewhere, MODEL, Setup, file, inline, is_for},
    fakes::{Fake, Received, Reply, services::submits},
    setting, start_by,
};

/// Two that are asked about, two that answer at once: of these one honours keys.
const KINDS: [Kind; 4] = [Kind::Replicate, Kind::Bfl, Kind::Openai, Kind::OpenaiCompatible];
/// Where the providers are, for the worker.
const PORT: &str = "EASEL_CRASH_PORT";
/// Questions before work is done.
const QUESTIONS: u64 = 3;
/// Jobs that wait when a worker is started.
const WAITING: usize = 8;

fn setup() -> Setup {
    let budget = Limit { day: Micros(u64::MAX / 4), month: Micros(u64::MAX / 4) };
    Setup { budget, idempotent: true, ..Setup::of(&KINDS) }
}

/// The worker.
pub async fn serve(world: World, orders: &Orders) -> Outcome {
    let here = Elsewhere::over(world, env::var(PORT)?.parse()?, setup()).await?;
    here.platform.jobs.sweep().await?;
    let worker = here.worker(&format!("g{}", orders.generation));
    let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
    while !easel_store::jobs::open_ids_of_user(&here.world.context.db, &orders.user_id).await?.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    working.abort();
    say("all have ended");
    Ok(())
}

/// What the providers know.
#[derive(Default)]
struct Providers {
    /// Works taken on, by the job's prompt.
    taken: Mutex<BTreeMap<String, u64>>,
    /// Keys that were seen by the one that honours them.
    keys: Mutex<BTreeMap<String, u64>>,
    /// Questions, by task.
    asked: Mutex<BTreeMap<String, u64>>,
    tasks: AtomicU64,
    /// Requests until the worker is killed.
    left: Mutex<Option<u64>>,
    worker: Mutex<Option<Child>>,
}

impl Providers {
    /// Whether the worker was killed by this request.
    fn kills(&self) -> bool {
        let mut left = self.left.lock().expect("no test panics with it");
        let Some(count) = left.as_mut() else { return false };
        if *count > 0 {
            *count -= 1;
            return false;
        }
        *left = None;
        if let Some(worker) = self.worker.lock().expect("no test panics with it").as_mut() {
            worker.kill().expect("it can be killed");
        }
        true
    }

    fn answer(&self, kind: Kind, request: &Received, port: u16) -> Reply {
        std::thread::sleep(Duration::from_millis(1));
        if request.path.starts_with("/files/") {
            return file();
        }
        if submits(kind, request) {
            return self.take(kind, request, port);
        }
        let id = request.path.rsplit(['/', '=']).next().unwrap_or_default().to_owned();
        let mut asked = self.asked.lock().expect("no test panics with it");
        let count = asked.entry(id.clone()).or_default();
        *count += 1;
        let url = format!("http://{}:{port}/files/out.png", crate::fakes::accounts::hosts(kind).1);
        Reply::ok(match (kind, *count > QUESTIONS) {
            (Kind::Replicate, false) => json!({"id": id, "status": "processing", "output": null}),
            (Kind::Replicate, true) => json!({"id": id, "status": "succeeded", "output": [url]}),
            (_, false) => json!({"id": id, "status": "Pending", "result": null}),
            (_, true) => json!({"id": id, "status": "Ready", "result": {"sample": url, "seed": 42}}),
        })
    }

    fn take(&self, kind: Kind, request: &Received, port: u16) -> Reply {
        let body = request.json();
        let prompt = body["input"]["prompt"].as_str().or(body["prompt"].as_str()).expect("a prompt").to_owned();
        let header = |line: &str| line.to_ascii_lowercase().strip_prefix("idempotency-key: ").map(str::to_owned);
        let key = request.head.lines().find_map(header).unwrap_or_default();
        let seen = kind == Kind::OpenaiCompatible && {
            let mut keys = self.keys.lock().expect("no test panics with it");
            let count = keys.entry(key).or_default();
            *count += 1;
            *count > 1
        };
        if !seen {
            *self.taken.lock().expect("no test panics with it").entry(prompt).or_default() += 1;
        }
        let id = format!("task-{}", self.tasks.fetch_add(1, Ordering::SeqCst));
        let base = crate::fakes::accounts::base(kind, port);
        match kind {
            Kind::Replicate => Reply::ok(json!({"id": id, "status": "starting", "output": null})),
            Kind::Bfl => Reply::ok(json!({"id": id, "polling_url": format!("{base}/get_result?id={id}")})),
            _ => inline(),
        }
    }
}

pub async fn killed_elsewhere(database: &Database) -> Outcome {
    let (kills, seed) = (setting("EASEL_TEST_AWAY_KILLS", 50), setting("EASEL_TEST_SEED", 1));
    let providers = Arc::new(Providers::default());
    let (theirs, own) = (providers.clone(), Arc::new(AtomicU64::new(0)));
    let port = own.clone();
    let fake = Fake::start(move |request| {
        let port = u16::try_from(port.load(Ordering::SeqCst)).expect("a port");
        let kind = KINDS.into_iter().find(|&kind| is_for(request, kind)).expect("one of ours");
        // Before the work is taken on, or after: the worker never hears of it.
        let early = theirs.tasks.load(Ordering::SeqCst) % 2 == 0;
        if early && theirs.kills() {
            return Reply::Silence;
        }
        let reply = theirs.answer(kind, request, port);
        if theirs.kills() { Reply::Silence } else { reply }
    })
    .await;
    own.store(u64::from(fake.port()), Ordering::SeqCst);
    let here = Elsewhere::over(World::with(database, settings()).await?, fake.port(), setup()).await?;
    let user = here.world.user("ada", CREDITS - 100).await?;
    let consent = Consent { allow_external: true, ..Consent::default() };
    here.fallback.set_consent(&easel_platform::accounts::Actor::user(&user), &consent).await?;
    let mut random = StdRng::seed_from_u64(seed);
    let (mut killed, mut asked) = (0, Vec::new());
    for generation in 1.. {
        let last = killed >= kills;
        // Jobs of this hour, which those who come after find in their queue.
        here.world.clock.advance(here.world.context.now().until(crate::begins(generation)));
        let open = easel_store::jobs::open_ids_of_user(&here.world.context.db, &user.id).await?.len();
        for _ in open..if last { open } else { WAITING } {
            let kind = KINDS[asked.len() % KINDS.len()];
            let drawing = Drawing::new(&format!("{MODEL}-{kind}"), &format!("heron number {}", asked.len()));
            asked.push(here.ask(&user, drawing).await?.id);
        }
        let by_request = random.random_range(0..2) == 0;
        *providers.left.lock().expect("no test panics with it") = (!last && by_request).then(|| random.random_range(0..12));
        let mut command = Command::new(env::current_exe()?);
        command.env(PORT, fake.port().to_string());
        let child = start_by(command, &Orders::new(database, &user.id, Mode::Away, generation, 0))?;
        *providers.worker.lock().expect("no test panics with it") = Some(child);
        let deadline = (!last && !by_request).then(|| Duration::from_millis(random.random_range(0..400)));
        killed += u64::from(ended(&providers, deadline).await?);
        if last {
            break;
        }
        assert!(generation < kills * 5 + 20, "seed {seed}: the worker ends by itself before it is killed");
    }
    check(&here, &user.id, &asked, &providers).await.map_err(|error| format!("seed {seed}: {error}"))?;
    println!("{}: {killed} workers killed, {} jobs", database.engine(), asked.len());
    Ok(())
}

/// Waits for the worker's end, which comes by itself, by a provider, or after this time. Whether it was killed.
async fn ended(providers: &Providers, deadline: Option<Duration>) -> Outcome<bool> {
    let begun = std::time::Instant::now();
    loop {
        {
            let mut worker = providers.worker.lock().expect("no test panics with it");
            let child = worker.as_mut().ok_or("a worker")?;
            if let Some(status) = child.try_wait()? {
                return match status.code() {
                    None => Ok(true),
                    Some(0) => Ok(false),
                    Some(code) => Err(format!("the worker failed with {code}").into()),
                };
            }
            if deadline.is_some_and(|deadline| begun.elapsed() >= deadline) {
                child.kill()?;
            }
        }
        if begun.elapsed() > Duration::from_secs(120) {
            return Err("the worker does not end".into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn check(here: &Elsewhere, user_id: &str, asked: &[String], providers: &Providers) -> Outcome {
    let taken = providers.taken.lock().expect("no test panics with it").clone();
    let twice: Vec<_> = taken.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "handed in twice: {twice:?}");
    let (mut completed, mut unknown) = (0, 0);
    for id in asked {
        let job = here.platform.jobs.get(user_id, id).await?;
        match (job.state, job.error_code.as_deref()) {
            (JobState::Completed, None) => completed += 1,
            (JobState::Failed, Some("provider_outcome_unknown")) => {
                assert!(!job.model.ends_with("openai_compatible"), "a server that honours keys loses nothing");
                unknown += 1;
            }
            other => return Err(format!("{id} ({}): {other:?}", job.model).into()),
        }
        for attempt in provider_attempts::of_job(&here.world.context.db, id).await? {
            assert!(attempt.spent.is_some() && attempt.kept.is_none(), "{attempt:?}");
            let step: Value = serde_json::from_str(attempt.step.as_deref().ok_or("it was sent, or forgotten")?)?;
            assert_eq!(step["step"], "ended");
        }
    }
    assert!(completed > 0 && unknown > 0, "{completed} completed, {unknown} unknown");
    let spent = Credits(completed * Credits::UNIT);
    let balance = here.world.desk.balance(user_id).await?;
    assert_eq!((balance.available, balance.pending), (Credits(CREDITS * Credits::UNIT - spent.0), Credits::ZERO), "paid once");
    here.world.deliver_events().await?;
    // What was answered at once is gone on with: no file is left without its picture.
    let report = here.world.assert_clean().await?;
    assert_eq!(report.images, completed);
    for kind in KINDS {
        assert_eq!(here.spent(kind).await?.1, 0, "{kind}: nothing is set aside any more");
    }
    Ok(())
}
