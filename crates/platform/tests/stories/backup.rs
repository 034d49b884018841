//! Copies that are made while everybody works are whole: every job that was answered before is in them, and the books are right.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::common::{Outcome, START, World, job_for};
use easel_platform::{
    PlatformError, backup,
    fsck::Fsck,
    jobs::{Jobs, Settings},
};
use easel_testing::{Database, Engine, on_both_engines};

/// Copies of each kind that are made.
const COPIES: usize = 3;
/// Jobs that were answered before a copy is begun.
const JOBS_BEFORE: usize = 12;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Submits and finishes until told to stop; the ids that were answered.
async fn work(
    world: Arc<World>,
    user_id: String,
    answered: Arc<std::sync::Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
) -> Result<(), Failed> {
    while !stop.load(Ordering::SeqCst) {
        let submitted = world.jobs.submit(job_for(&user_id, 1)).await?;
        answered.lock().expect("nobody panics").push(submitted.job.id);
        for job in world.jobs.claim("w", None, 1).await? {
            let results = world.draw(&job, 1).await.map_err(|error| error.to_string())?;
            world.jobs.finish(&Jobs::lease_of(&job).ok_or("a lease")?, &results).await?;
        }
    }
    Ok(())
}

/// A database that was filled from a copy: clean, and with all of these jobs.
async fn assert_whole(url: &str, database: &Database, jobs: &[String]) -> Outcome {
    let copy = World::at(url, &database.dir(), START, 77, Settings::default()).await?;
    // The files are of now, the copy is of then.
    let fsck = Fsck::new(copy.context.clone(), copy.jobs.clone(), None);
    let report = fsck.check().await?;
    assert!(report.is_clean(), "{:#?}", report.findings);
    for id in jobs {
        assert!(easel_store::jobs::by_id(&copy.context.db, id).await?.is_some(), "{id} is not in the copy");
    }
    copy.context.db.close().await;
    Ok(())
}

on_both_engines! {
    async fn copies_of_a_busy_database_are_whole(database: &Database) {
        let settings = Settings { jobs_open_max: None, ..Settings::default() };
        let world = Arc::new(World::with(database, settings).await?);
        let user = world.user("ada", 1_000_000).await?;
        let (answered, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let workers: Vec<_> = (0..3).map(|_| {
            tokio::spawn(work(world.clone(), user.id.clone(), Arc::clone(&answered), stop.clone()))
        }).collect();
        let mut copies: Vec<(PathBuf, bool, Vec<String>)> = Vec::new();
        for number in 0..COPIES {
            let before = loop {
                let before = answered.lock().expect("nobody panics").clone();
                if before.len() >= JOBS_BEFORE * (number + 1) {
                    break before;
                }
                assert!(!workers.iter().any(tokio::task::JoinHandle::is_finished), "a worker failed");
                tokio::task::yield_now().await;
            };
            let dump = database.dir().join(format!("{number}.dump"));
            backup::dump(&world.context, &dump).await?;
            copies.push((dump, false, before.clone()));
            if database.engine() == Engine::Sqlite {
                let file = database.dir().join(format!("{number}.db"));
                backup::copy_file(&world.context, &file).await?;
                copies.push((file, true, before));
            }
        }
        stop.store(true, Ordering::SeqCst);
        for worker in workers {
            worker.await?.map_err(|error| error.to_string())?;
        }
        for (path, is_file, before) in copies {
            if is_file {
                let restored = path.with_extension("restored.db");
                backup::restore_file(&path, &restored).await?;
                let again = backup::restore_file(&path, &restored).await;
                assert!(matches!(&again, Err(error @ PlatformError::Backup(_)) if error.code() == "file_exists"), "{again:?}");
                assert_whole(&format!("sqlite:{}", restored.display()), database, &before).await?;
            } else {
                for engine in [Engine::Sqlite, Engine::Postgres] {
                    let other = Database::create(engine).await?;
                    let into = World::at(other.url(), &other.dir(), START, 9, Settings::default()).await?;
                    backup::restore(&into.context, &path).await?;
                    into.context.db.close().await;
                    assert_whole(other.url(), &other, &before).await?;
                }
            }
        }
        world.assert_clean().await?;
    }
}

#[test]
fn a_damaged_file_is_not_restored() {
    easel_testing::run_story(Engine::Sqlite, async |database| {
        let world = World::open(database).await?;
        for number in 0..30 {
            world.user(&format!("user-{number}"), 1).await?;
        }
        let good = database.dir().join("good.db");
        backup::copy_file(&world.context, &good).await?;
        let bytes = std::fs::read(&good)?;
        // A page in the middle that is nothing any more, half a file, and no database at all.
        let mut hole = bytes.clone();
        let (middle, page) = (bytes.len() / 2 / 4096 * 4096, 4096);
        hole[middle..middle + page].fill(0xff);
        for (name, bytes) in
            [("hole", hole), ("half", bytes[..bytes.len() / 2].to_vec()), ("other", b"not a database".repeat(1000))]
        {
            let (from, to) = (database.dir().join(name), database.dir().join(format!("{name}.restored.db")));
            std::fs::write(&from, bytes)?;
            let refused = backup::restore_file(&from, &to).await;
            assert!(refused.is_err(), "{name}");
            assert!(!to.exists(), "{name}: nothing is left of it");
        }
        backup::restore_file(&good, &database.dir().join("back.db")).await?;
        Ok(())
    });
}
