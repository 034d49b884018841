//! Programs that are killed at any moment: no job is lost, nothing is paid twice, and the books are right afterwards.
//!
//! This program starts itself again as the one to be killed (`child.rs`): submitters, workers, a sweep and a courier over one database. It
//! says on its standard output what it was answered, and is killed with SIGKILL after a number of lines drawn from a seed; then the next one
//! goes on, an hour later by its clock, so that no test waits for a lease. `EASEL_TEST_KILLS` sets how often it is killed for each database
//! (12 by default), `EASEL_TEST_SEED` where.

#[path = "crash/answers.rs"]
mod answers;
#[path = "crash/away.rs"]
mod away;
#[path = "crash/child.rs"]
mod child;
#[path = "stories/common.rs"]
mod common;
#[path = "stories/elsewhere.rs"]
mod elsewhere;
#[allow(clippy::unwrap_used, reason = "a failure is a failed test")]
#[path = "../../providers/tests/fakes/mod.rs"]
mod fakes;
#[path = "crash/paying.rs"]
mod paying;
#[path = "crash/points.rs"]
mod points;
#[path = "stories/receiver.rs"]
mod receiver;

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use child::{Mode, Orders};
use common::{Outcome, START, World, job_for};
use easel_platform::jobs::Jobs;
use easel_store::{Credits, jobs::JobState};
use easel_testing::{Database, Engine};
use libtest_mimic::{Arguments, Trial};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Enough for everything that is drawn.
const CREDITS: i64 = 1_000_000;

fn main() -> ExitCode {
    if let Some(orders) = Orders::from_environment() {
        return child::run(orders);
    }
    let trials = [Engine::Sqlite, Engine::Postgres].into_iter().flat_map(|engine| {
        [
            Trial::test(format!("killed_at_random_points::{engine}"), move || {
                easel_testing::run_story(engine, async |database| killed_at_random_points(database).await);
                Ok(())
            }),
            Trial::test(format!("the_jobs_of_a_killed_worker_finish_on_another::{engine}"), move || {
                easel_testing::run_story(engine, async |database| another_takes_over(database).await);
                Ok(())
            }),
            Trial::test(format!("killed_at_every_point_of_the_database::{engine}"), move || {
                easel_testing::run_story(engine, async |database| points::killed_at_every_point(database).await);
                Ok(())
            }),
            Trial::test(format!("workers_are_killed_while_jobs_are_done_elsewhere::{engine}"), move || {
                easel_testing::run_story(engine, async |database| away::killed_elsewhere(database).await);
                Ok(())
            }),
            Trial::test(format!("killed_while_payments_are_told_of::{engine}"), move || {
                easel_testing::run_story(engine, async |database| paying::killed_while_paid(database).await);
                Ok(())
            }),
            Trial::test(format!("a_worker_is_killed_at_every_point_of_an_answer::{engine}"), move || {
                easel_testing::run_story(engine, async |database| answers::killed_at_every_point_of_an_answer(database).await);
                Ok(())
            }),
            Trial::test(format!("a_courier_that_is_killed_leaves_nothing_unsaid::{engine}"), move || {
                easel_testing::run_story(engine, async |database| points::killed_courier(database).await);
                Ok(())
            }),
        ]
    });
    let full = Trial::test("what_was_answered_survives_a_full_disk::sqlite", || {
        easel_testing::run_story(Engine::Sqlite, async |database| points::full_disk(database).await);
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), trials.chain([full]).collect()).exit_code()
}

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

async fn killed_at_random_points(database: &Database) -> Outcome {
    let (kills, seed) = (setting("EASEL_TEST_KILLS", 12), setting("EASEL_TEST_SEED", 1));
    let world = World::open(database).await?;
    let user = world.user("ada", CREDITS - 100).await?;
    // What was answered: key and job.
    let mut answered: BTreeMap<u64, String> = BTreeMap::new();
    let mut random = StdRng::seed_from_u64(seed);
    let mut killed = 0;
    for generation in 1.. {
        // Some keys again, as clients do that got no answer.
        let from = answered.keys().next_back().map_or(0, |last| last.saturating_sub(5));
        let mode = if killed < kills { Mode::Load } else { Mode::Drain };
        let mut child = start(&Orders::new(database, &user.id, mode, generation, from))?;
        let lines = if mode == Mode::Load { random.random_range(1..=60) } else { usize::MAX };
        let pause = Duration::from_micros(random.random_range(0..3000));
        let was_killed = watch(&mut child, lines, pause, &mut answered)?;
        killed += u64::from(was_killed);
        if mode == Mode::Drain {
            break;
        }
        assert!(generation < kills * 3 + 10, "the program ends by itself before it is killed");
    }
    check(&world, &user.id, &answered).await.map_err(|error| format!("seed {seed}: {error}").into())
}

/// Reads so many lines and kills the program; what it said is noted. Whether it was killed, or ended by itself, as it should, well.
fn watch(child: &mut Child, lines: usize, pause: Duration, answered: &mut BTreeMap<u64, String>) -> Outcome<bool> {
    let mut reader = BufReader::new(child.stdout.take().ok_or("a pipe")?).lines();
    let mut note = |line: String| {
        if let Some((key, job)) = line.strip_prefix("submitted ").and_then(|rest| rest.split_once(' ')) {
            let key = key.parse().expect("a number");
            let before = answered.insert(key, job.to_owned());
            assert!(before.is_none_or(|before| before == job), "key {key} made two jobs");
        }
    };
    for line in reader.by_ref().take(lines) {
        note(line?);
    }
    std::thread::sleep(pause);
    child.kill()?;
    let status = child.wait()?;
    // Said before it was killed.
    for line in reader {
        note(line?);
    }
    match status.code() {
        None => Ok(true),
        Some(0) => Ok(false),
        Some(code) => Err(format!("the program failed with {code}").into()),
    }
}

async fn check(world: &World, user_id: &str, answered: &BTreeMap<u64, String>) -> Outcome {
    let mut spent = 0;
    let mut before: Option<easel_store::jobs::Job> = None;
    let mut found = BTreeMap::new();
    loop {
        let page = world.jobs.list(user_id, before.as_ref().map(|job| (job.created_at, job.id.as_str())), 100).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.clone());
        for job in page {
            assert!(job.state.is_terminal(), "{} is {:?}", job.id, job.state);
            assert_eq!(job.unit_price, Credits(Credits::UNIT));
            spent += job.images_delivered;
            found.insert(job.id.clone(), job);
        }
    }
    for (key, id) in answered {
        let job = found.get(id).ok_or_else(|| format!("the job of key {key} is lost"))?;
        assert!(job.state != JobState::Failed, "{}: {:?}", job.id, job.error_code);
    }
    assert!(spent > 0 && !answered.is_empty());
    assert_eq!(world.balance(user_id).await?, (CREDITS - spent, 0), "what was delivered is paid, once, and nothing else");
    let report = world.assert_clean().await?;
    assert_eq!(report.images, spent);
    Ok(())
}

/// One of two workers is killed; when its leases are over the other finishes its jobs.
async fn another_takes_over(database: &Database) -> Outcome {
    let world = World::open(database).await?;
    let user = world.user("ada", 0).await?;
    for _ in 0..8 {
        world.jobs.submit(job_for(&user.id, 1)).await?;
    }
    let mut child = start(&Orders::new(database, &user.id, Mode::Hold, 0, 0))?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("a pipe")?).lines();
    assert_eq!(lines.next().ok_or("a line")??, "claimed 5");

    let finish = async |world: &World| -> Outcome<usize> {
        let jobs = world.jobs.claim("survivor", None, 10).await?;
        for job in &jobs {
            world.jobs.finish(&Jobs::lease_of(job).ok_or("a lease")?, &world.draw(job, 1).await?).await?;
        }
        Ok(jobs.len())
    };
    assert_eq!(finish(&world).await?, 3, "what the other holds is the other's");
    child.kill()?;
    child.wait()?;
    assert_eq!((world.jobs.sweep().await?.requeued, finish(&world).await?), (0, 0), "until its leases are over");
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.jobs.sweep().await?.requeued, 5);
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(finish(&world).await?, 5);
    assert_eq!(world.balance(&user.id).await?, (92, 0));
    world.assert_clean().await?;
    Ok(())
}

fn start(orders: &Orders) -> Outcome<Child> {
    start_by(Command::new(env::current_exe()?), orders)
}

fn start_by(mut command: Command, orders: &Orders) -> Outcome<Child> {
    orders.give(&mut command);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?)
}

/// Generation `n` begins so many hours after the test: every lease of those before is over.
pub fn begins(generation: u64) -> easel_store::Timestamp {
    START.after(Duration::from_secs(3600) * u32::try_from(generation).expect("not so often"))
}
