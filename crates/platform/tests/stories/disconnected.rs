//! A PostgreSQL that breaks connections at any moment: an answer that is lost is asked for again, and nothing happens twice.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::common::{Outcome, World, job_for, raw};
use easel_platform::{
    PlatformError,
    jobs::{Jobs, NewJob, Settings},
};
use easel_store::Credits;
use easel_testing::{Database, Engine, PostgresServer};

const KEYS: u64 = 240;
const SUBMITTERS: u64 = 3;
const WORKERS: u64 = 3;
/// At least so many connections are broken.
const BREAKS: u64 = 40;
/// The server itself is restarted so often.
const RESTARTS: u64 = 10;
const CREDITS: i64 = 10_000;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Everybody's progress, so that connections are broken while something is going on.
#[derive(Default)]
struct Progress {
    steps: AtomicU64,
    done: AtomicBool,
}

/// Whether to ask again: the database went away, whatever it said last.
fn is_broken(error: &PlatformError) -> bool {
    matches!(error, PlatformError::Store(_))
}

async fn submit(
    world: Arc<World>,
    user_id: String,
    number: u64,
    progress: Arc<Progress>,
) -> Result<BTreeMap<u64, String>, Failed> {
    let mut answered = BTreeMap::new();
    for key in (0..KEYS).filter(|key| key % SUBMITTERS == number) {
        let text = format!("key-{key}");
        let new = NewJob { idempotency_key: Some(&text), ..job_for(&user_id, 1) };
        loop {
            progress.steps.fetch_add(1, Ordering::Relaxed);
            match world.jobs.submit(new).await {
                Ok(submitted) => break drop(answered.insert(key, submitted.job.id)),
                Err(error) if is_broken(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(answered)
}

async fn serve(world: Arc<World>, name: String, progress: Arc<Progress>) -> Result<(), Failed> {
    while !progress.done.load(Ordering::SeqCst) {
        progress.steps.fetch_add(1, Ordering::Relaxed);
        let jobs = match world.jobs.claim(&name, None, 3).await {
            Ok(jobs) => jobs,
            Err(error) if is_broken(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        for job in &jobs {
            let lease = Jobs::lease_of(job).ok_or("a lease")?;
            let results = world.draw(job, 1).await.map_err(|error| error.to_string())?;
            loop {
                progress.steps.fetch_add(1, Ordering::Relaxed);
                match world.jobs.finish(&lease, &results).await {
                    Ok(()) => break,
                    Err(error) if is_broken(&error) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if jobs.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(())
}

/// Breaks a connection whenever a few more steps were made, until everybody is done.
async fn break_connections(database: &Database, progress: &Progress) -> Outcome<u64> {
    let (mut broken, mut seen) = (0, 0);
    while !progress.done.load(Ordering::SeqCst) || broken < BREAKS {
        let steps = progress.steps.load(Ordering::Relaxed);
        if steps >= seen + 5 || progress.done.load(Ordering::SeqCst) {
            seen = steps;
            raw(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'easel' \
                 ORDER BY random() LIMIT 1",
            )
            .await?;
            broken += 1;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(broken)
}

#[test]
fn broken_connections_lose_nothing_and_charge_nobody_twice() {
    easel_testing::run_story(Engine::Postgres, async |database| {
        // However often the rest is tried, nothing runs out of time or attempts.
        let queue_ttl = Duration::from_secs(100_000 * 3600);
        let settings = Settings { jobs_open_max: None, attempts_max: 1000, queue_ttl, ..Settings::default() };
        let world = Arc::new(World::with(database, settings).await?);
        let progress = Arc::new(Progress::default());
        let broken = load(&world, &progress, break_connections(database, &progress)).await?;
        assert!(broken >= BREAKS);
        Ok(())
    });
}

/// Submitters and workers while something is broken, and what must be true afterwards. What `breaking` says.
async fn load(world: &Arc<World>, progress: &Arc<Progress>, breaking: impl Future<Output = Outcome<u64>>) -> Outcome<u64> {
    let user = world.user("ada", CREDITS - 100).await?;
    let workers: Vec<_> =
        (0..WORKERS).map(|number| tokio::spawn(serve(world.clone(), format!("w{number}"), progress.clone()))).collect();
    let submitters: Vec<_> =
        (0..SUBMITTERS).map(|number| tokio::spawn(submit(world.clone(), user.id.clone(), number, progress.clone()))).collect();
    let (submitted, broken) = tokio::join!(
        async {
            let mut answered = BTreeMap::new();
            for submitter in submitters {
                answered.extend(submitter.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?);
            }
            progress.done.store(true, Ordering::SeqCst);
            Ok::<_, String>(answered)
        },
        breaking
    );
    let (answered, broken) = (submitted?, broken?);
    for worker in workers {
        worker.await?.map_err(|error| error.to_string())?;
    }
    finish_the_rest(world).await?;

    let ids: std::collections::BTreeSet<_> = answered.values().collect();
    assert_eq!((answered.len() as u64, ids.len() as u64), (KEYS, KEYS));
    let balance = world.desk.balance(&user.id).await?;
    let left = Credits::whole(CREDITS - KEYS as i64).ok_or("fits")?;
    assert_eq!((balance.available, balance.pending), (left, Credits::ZERO), "each is paid once");
    let report = world.assert_clean().await?;
    assert_eq!((report.jobs as u64, report.images as u64), (KEYS, KEYS));
    Ok(broken)
}

/// Restarts the server whenever a few more steps were made, until everybody is done.
async fn restart(server: &PostgresServer, progress: &Progress) -> Outcome<u64> {
    let (mut restarts, mut seen) = (0, 0);
    while !progress.done.load(Ordering::SeqCst) || restarts < RESTARTS {
        let steps = progress.steps.load(Ordering::Relaxed);
        if restarts < RESTARTS && (steps >= seen + 20 || progress.done.load(Ordering::SeqCst)) {
            seen = steps;
            tokio::task::block_in_place(|| server.restart())?;
            restarts += 1;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(restarts)
}

/// R09 of the plan: the server crashes and comes back, ten times in the middle of the load.
#[test]
fn a_server_that_crashes_loses_nothing_and_charges_nobody_twice() {
    easel_testing::run_story(Engine::Sqlite, async |folder| {
        let server = tokio::task::block_in_place(PostgresServer::start)?;
        let queue_ttl = Duration::from_secs(100_000 * 3600);
        let settings = Settings { jobs_open_max: None, attempts_max: 1000, queue_ttl, ..Settings::default() };
        let world = Arc::new(World::at(&server.url(), &folder.dir(), crate::common::START, 1, settings).await?);
        let progress = Arc::new(Progress::default());
        let restarts = load(&world, &progress, restart(&server, &progress)).await?;
        println!("{restarts} crashes of the server, {KEYS} jobs, each done and paid once");
        Ok(())
    });
}

/// Jobs whose claim was made and whose answer was lost wait for their lease to end. The pool hands out what is left of broken connections.
async fn finish_the_rest(world: &World) -> Outcome {
    loop {
        // Past every lease and every pause.
        world.clock.advance(Duration::from_secs(3600));
        match world.jobs.sweep().await {
            Err(error) if is_broken(&error) => continue,
            swept => drop(swept?),
        }
        world.clock.advance(Duration::from_secs(3600));
        let jobs = match world.jobs.claim("last", None, 1000).await {
            Err(error) if is_broken(&error) => continue,
            jobs => jobs?,
        };
        for job in &jobs {
            world.jobs.finish(&Jobs::lease_of(job).ok_or("a lease")?, &world.draw(job, 1).await?).await?;
        }
        let open = easel_store::jobs::counts(&world.context.db).await?;
        if open.iter().all(|(state, _)| state == "completed") {
            return world.deliver_events().await;
        }
    }
}
