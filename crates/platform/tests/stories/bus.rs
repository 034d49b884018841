//! What happens to jobs, told on every node, and a connection that breaks.

use std::{sync::Arc, time::Duration};

use easel_platform::{
    bus::{Bus, PostgresRelay, RedisRelay, Update, Watched, Watching, What},
    jobs::{Jobs, Settings},
};
use easel_redis::Redis;
use easel_store::jobs::JobState;
use easel_testing::{Engine, RedisServer, on_both_engines};

use crate::common::{Outcome, START, World, job_for, raw};

fn preview(bytes: usize) -> What {
    What::Preview { picture: 0, jpeg: "a".repeat(bytes) }
}

fn step(index: u32, total: u32) -> What {
    What::Step { index, total, seconds_left: 1.0 }
}

const COMPLETED: What = What::Ended { state: JobState::Completed };

/// The next news; `None` if some may have been missed.
async fn next(watching: &mut Watching) -> Option<(String, What)> {
    match watching.next().await {
        Update::Heard(heard) => Some((heard.news.job_id.clone(), heard.news.what.clone())),
        Update::Missed => None,
    }
}

fn of_a(what: What) -> Option<(String, What)> {
    Some(("a".to_owned(), what))
}

on_both_engines! {
    async fn whoever_watches_hears_and_nobody_else(database: &Database) {
        let world = World::open(database).await?;
        let (ada, bob) = (world.user("ada", 0).await?, world.user("bob", 0).await?);
        let bus = world.jobs.bus();
        let (mut of_ada, mut of_bob) = (bus.watch(Watched::User(ada.id.clone())), bus.watch(Watched::User(bob.id.clone())));
        let job = world.jobs.submit(job_for(&ada.id, 1)).await?.job.id;
        let mut of_job = bus.watch(Watched::Job(job.clone()));
        let claimed = world.jobs.claim("w", None, 1).await?.remove(0);
        let others = world.jobs.submit(job_for(&bob.id, 1)).await?.job.id;
        bus.tell(&job, &ada.id, step(1, 20));
        bus.tell(&job, &ada.id, step(2, 20));
        world.jobs.finish(&Jobs::lease_of(&claimed).ok_or("a lease")?, &world.draw(&claimed, 1).await?).await?;
        assert_eq!(next(&mut of_ada).await, Some((job.clone(), What::Queued)));
        for watching in [&mut of_ada, &mut of_job] {
            assert_eq!(next(watching).await, Some((job.clone(), COMPLETED)), "the steps no longer matter");
        }
        assert_eq!(next(&mut of_bob).await, Some((others, What::Queued)));
        assert_eq!(bus.watchers(), 3);
        drop((of_ada, of_bob, of_job));
        assert_eq!(bus.watchers(), 0);
    }
}

/// Two nodes over one database.
async fn nodes(database: &easel_testing::Database) -> Outcome<(World, World)> {
    let second = World::at(database.url(), &database.dir(), START, 2, Settings::default()).await?;
    Ok((World::open(database).await?, second))
}

fn watch(bus: &Bus) -> Watching {
    bus.watch(Watched::Job("a".to_owned()))
}

#[test]
fn nodes_on_one_postgresql_hear_each_other_also_after_a_break() {
    easel_testing::run_story(Engine::Postgres, async |database| {
        let (a, b) = nodes(database).await?;
        let (first, second) = (a.jobs.bus(), b.jobs.bus());
        let relay = |world: &World| PostgresRelay::new(world.context.db.clone()).ok_or("a relay").map(Arc::new);
        let (mut here, mut there) = (first.carry(&a.context, relay(&a)?), second.carry(&b.context, relay(&b)?));
        here.connected().await;
        there.connected().await;
        let (mut near, mut far) = (watch(first), watch(second));
        // A preview does not fit and stays where it was made.
        first.tell("a", "ada", preview(100_000));
        assert_eq!(next(&mut near).await, of_a(preview(100_000)));
        first.tell("a", "ada", What::Started);
        for watching in [&mut near, &mut far] {
            assert_eq!(next(watching).await, of_a(What::Started));
        }
        for _ in 0..3 {
            let broken = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
            raw(database, broken).await?;
            // They listen again before they say that something was missed.
            assert_eq!((next(&mut near).await, next(&mut far).await), (None, None));
            first.tell("a", "ada", What::Started);
            assert_eq!((next(&mut near).await, next(&mut far).await), (of_a(What::Started), of_a(What::Started)));
            second.tell("a", "ada", COMPLETED);
            assert_eq!((next(&mut near).await, next(&mut far).await), (of_a(COMPLETED), of_a(COMPLETED)));
        }
        Ok(())
    });
}

#[test]
fn steps_cross_five_times_a_second_and_the_last_always() {
    easel_testing::run_story(Engine::Postgres, async |database| {
        let (a, b) = nodes(database).await?;
        let relay = |world: &World| PostgresRelay::new(world.context.db.clone()).ok_or("a relay").map(Arc::new);
        let (mut here, mut there) = (a.jobs.bus().carry(&a.context, relay(&a)?), b.jobs.bus().carry(&b.context, relay(&b)?));
        here.connected().await;
        there.connected().await;
        let mut far = watch(b.jobs.bus());
        for index in 1..=40 {
            a.jobs.bus().tell("a", "ada", step(index, 40));
            // The mailbox between bus and relay keeps the newest alone: let it be emptied, so that what is left out is left out by the clock.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        a.jobs.bus().tell("a", "ada", What::CancelRequested);
        let mut heard = Vec::new();
        while let What::Step { index, .. } = next(&mut far).await.ok_or("nothing is missed")?.1 {
            heard.push(index);
        }
        assert!(heard.len() <= 2 && heard.last() == Some(&40), "the clock stands still: {heard:?}");
        Ok(())
    });
}

#[test]
fn nodes_with_a_redis_hear_each_other_also_when_it_comes_back() {
    easel_testing::run_story(Engine::Postgres, async |database| {
        let mut server = RedisServer::start()?;
        let (a, b) = nodes(database).await?;
        let (first, second) = (a.jobs.bus(), b.jobs.bus());
        let patient = easel_redis::Settings { answer_max: Duration::from_secs(30), ..easel_redis::Settings::new(server.url()) };
        let relay = || Redis::new(patient.clone()).map(|redis| Arc::new(RedisRelay::new(redis)));
        let (mut here, mut there) = (first.carry(&a.context, relay()?), second.carry(&b.context, relay()?));
        here.connected().await;
        there.connected().await;
        let (mut near, mut far) = (watch(first), watch(second));
        first.tell("a", "ada", preview(100_000));
        for watching in [&mut near, &mut far] {
            assert_eq!(next(watching).await, of_a(preview(100_000)), "previews cross too");
        }
        server.stop();
        here.disconnected().await;
        there.disconnected().await;
        first.tell("a", "ada", What::Started);
        assert_eq!(next(&mut near).await, of_a(What::Started), "this node goes on");
        server.start_again()?;
        assert_eq!((next(&mut near).await, next(&mut far).await), (None, None));
        // What is said may be lost while connections are made anew; what is said again is heard.
        let hearing = next(&mut far);
        tokio::pin!(hearing);
        let heard = loop {
            first.tell("a", "ada", COMPLETED);
            tokio::select! {
                heard = &mut hearing => break heard,
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
        };
        assert!(heard == of_a(COMPLETED) || heard == of_a(What::Started));
        Ok(())
    });
}
