//! The program that is killed.

use std::{
    env,
    io::Write,
    path::PathBuf,
    process::{Command, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use easel_platform::{
    events::Events,
    jobs::{Failure, Jobs, NewJob, Settings},
};
use easel_store::jobs::{Job, JobState};
use easel_testing::Database;

use crate::{
    answers, away,
    common::{World, job_for},
    paying, points,
};

/// New jobs of one program: more than it does before it is killed.
const JOBS: u64 = 60;
const SUBMITTERS: u64 = 3;
const WORKERS: u64 = 3;

/// What the program is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Submit and work until killed.
    Load,
    /// Work until nothing is left.
    Drain,
    /// Take five jobs and do nothing.
    Hold,
    /// One job from its submission to its event; ends at the database's `from`-th point.
    Fall,
    /// Send webhooks until killed.
    Courier,
    /// Submit until the disk is full, then see what still works.
    Fill,
    /// Have jobs done elsewhere until killed.
    Away,
    /// Have one done by a provider that answers at once; ends at the database's `from`-th point.
    Answer,
    /// Order and hear of payments; ends at the database's `from`-th point.
    Pay,
}

const MODES: [(Mode, &str); 9] = [
    (Mode::Load, "load"),
    (Mode::Drain, "drain"),
    (Mode::Hold, "hold"),
    (Mode::Fall, "fall"),
    (Mode::Courier, "courier"),
    (Mode::Fill, "fill"),
    (Mode::Away, "away"),
    (Mode::Answer, "answer"),
    (Mode::Pay, "pay"),
];

/// What the program is told, in its environment.
#[derive(Debug, Clone)]
pub struct Orders {
    url: String,
    pub dir: PathBuf,
    pub user_id: String,
    mode: Mode,
    pub generation: u64,
    pub from: u64,
}

impl Orders {
    pub fn new(database: &Database, user_id: &str, mode: Mode, generation: u64, from: u64) -> Self {
        Self { url: database.url().to_owned(), dir: database.dir(), user_id: user_id.to_owned(), mode, generation, from }
    }

    /// Where the database is.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn give(&self, command: &mut Command) {
        let mode = MODES.into_iter().find(|(mode, _)| *mode == self.mode).map_or("", |(_, name)| name);
        command
            .env("EASEL_CRASH_MODE", mode)
            .env("EASEL_CRASH_URL", &self.url)
            .env("EASEL_CRASH_DIR", &self.dir)
            .env("EASEL_CRASH_USER", &self.user_id)
            .env("EASEL_CRASH_GENERATION", self.generation.to_string())
            .env("EASEL_CRASH_FROM", self.from.to_string());
    }

    /// `None` for a program that was started by a person.
    pub fn from_environment() -> Option<Self> {
        let named = env::var("EASEL_CRASH_MODE").ok()?;
        let mode = MODES.into_iter().find(|(_, name)| *name == named).expect("a mode").0;
        let number = |name| env::var(name).ok()?.parse().ok();
        Some(Self {
            url: env::var("EASEL_CRASH_URL").ok()?,
            dir: env::var_os("EASEL_CRASH_DIR")?.into(),
            user_id: env::var("EASEL_CRASH_USER").ok()?,
            mode,
            generation: number("EASEL_CRASH_GENERATION")?,
            from: number("EASEL_CRASH_FROM")?,
        })
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

pub fn run(orders: Orders) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
    match runtime.block_on(work(orders)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error} ({error:?})");
            ExitCode::FAILURE
        }
    }
}

/// Says what was answered, at once.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody listening is being killed.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// However often the rest is killed, nothing runs out of time or attempts.
pub fn settings() -> Settings {
    const LONG: Duration = Duration::from_secs(100_000 * 3600);
    Settings {
        attempts_max: 1_000_000,
        queue_ttl: LONG,
        key_ttl: LONG,
        retry_pause: Duration::ZERO,
        jobs_open_max: None,
        ..Settings::default()
    }
}

async fn work(orders: Orders) -> Result<(), Failed> {
    let settings = if orders.mode == Mode::Hold { Settings::default() } else { settings() };
    let now = crate::begins(orders.generation);
    let world =
        World::at(&orders.url, &orders.dir, now, 1000 + orders.generation, settings).await.map_err(|error| error.to_string())?;
    match orders.mode {
        Mode::Fall => return points::fall(world, &orders).await.map_err(|error| error.to_string().into()),
        Mode::Courier => return points::courier(&world, &orders).await.map_err(|error| error.to_string().into()),
        Mode::Fill => return points::fill(&world, &orders).await.map_err(|error| error.to_string().into()),
        Mode::Pay => return paying::pay(world, &orders).await.map_err(|error| error.to_string().into()),
        Mode::Answer => return answers::serve(world, &orders).await.map_err(|error| error.to_string().into()),
        Mode::Away => return away::serve(world, &orders).await.map_err(|error| error.to_string().into()),
        _ => {}
    }
    let world = Arc::new(world);
    if orders.mode == Mode::Hold {
        say(&format!("claimed {}", world.jobs.claim("doomed", None, 5).await?.len()));
        std::future::pending::<()>().await;
    }
    let submitters_left = Arc::new(AtomicUsize::new(if orders.mode == Mode::Load { SUBMITTERS as usize } else { 0 }));
    let mut tasks = Vec::new();
    if orders.mode == Mode::Load {
        for number in 0..SUBMITTERS {
            tasks.push(tokio::spawn(submit(world.clone(), orders.clone(), number, submitters_left.clone())));
        }
    }
    for number in 0..WORKERS {
        let name = format!("g{}w{number}", orders.generation);
        tasks.push(tokio::spawn(serve(world.clone(), name, submitters_left.clone())));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn submit(world: Arc<World>, orders: Orders, number: u64, left: Arc<AtomicUsize>) -> Result<(), Failed> {
    for key in (orders.from..orders.from + JOBS).filter(|key| key % SUBMITTERS == number) {
        let text = format!("key-{key}");
        let images = i64::try_from(key % 3)? + 1;
        let new = NewJob { idempotency_key: Some(&text), ..job_for(&orders.user_id, images) };
        let job = world.jobs.submit(new).await?.job;
        say(&format!("submitted {key} {}", job.id));
        if key % 17 == 0 {
            world.jobs.cancel(&orders.user_id, &job.id).await?;
            say("cancelled");
        }
    }
    left.fetch_sub(1, Ordering::SeqCst);
    Ok(())
}

/// Works until there is nothing to do and nobody submits any more.
async fn serve(world: Arc<World>, name: String, submitters_left: Arc<AtomicUsize>) -> Result<(), Failed> {
    let events = Events::new(world.context.clone());
    loop {
        // Looked at before the queue: what is submitted after is seen in the next turn.
        let last_turn = submitters_left.load(Ordering::SeqCst) == 0;
        let jobs = world.jobs.claim(&name, None, 2).await?;
        for job in &jobs {
            do_one(&world, job).await?;
            say("done");
        }
        for event in events.take(4).await? {
            events.delivered(&event).await?;
        }
        if jobs.is_empty() {
            let swept = world.jobs.sweep().await?;
            let open = easel_store::jobs::counts(&world.context.db).await?;
            let open = open.iter().any(|(state, _)| [JobState::Queued, JobState::Processing].iter().any(|of| of.name() == state));
            if last_turn && swept.requeued == 0 && !open {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Most jobs are finished, some in part, some only at the second attempt.
async fn do_one(world: &World, job: &Job) -> Result<(), Failed> {
    let lease = Jobs::lease_of(job).ok_or("a lease")?;
    world.jobs.heartbeat(&lease, 500).await?;
    let lot = job.id.bytes().last().unwrap_or(0) % 5;
    if job.attempt == 1 && lot == 0 {
        let failure = Failure { code: "test", message: "the first attempt", retryable: true };
        world.jobs.fail(&lease, failure).await?;
        return Ok(());
    }
    let count = if lot == 1 { 1 } else { job.images_wanted };
    let results = world.draw(job, count).await.map_err(|error| error.to_string())?;
    Ok(world.jobs.finish(&lease, &results).await?)
}
