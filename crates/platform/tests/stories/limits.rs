//! Limits on requests: by each node, by all together, and by each node again while Redis is away.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use easel_platform::{
    Context, ManualClock, SeededSecrets,
    limits::{Caller, Class, Decision, Limits, Rate, Rates, Settings},
};
use easel_redis::Redis;
use easel_store::{Db, RandomIds};
use easel_testing::{Database, Engine, RedisServer};

use crate::common::{Outcome, START};

fn rate(max: u32, seconds: u32) -> Rate {
    Rate { max: NonZeroU32::new(max).expect("some"), seconds: NonZeroU32::new(seconds).expect("some") }
}

/// The limits need a clock; the database is there because every context has one.
async fn context(database: &Database) -> Outcome<(Context, Arc<ManualClock>)> {
    let clock = Arc::new(ManualClock::new(START));
    let db = Db::open(&easel_store::Settings::new(database.url())).await?;
    let context =
        Context { db, clock: clock.clone(), ids: Arc::new(RandomIds::seeded(1)), secrets: Arc::new(SeededSecrets::new(1)) };
    Ok((context, clock))
}

fn story(test: impl AsyncFnOnce(Context, Arc<ManualClock>) -> Outcome) {
    easel_testing::run_story(Engine::Sqlite, async |database| {
        let (context, clock) = context(database).await?;
        test(context, clock).await
    });
}

fn settings(rates: Rates, nodes: u32) -> Settings {
    Settings { classes: [(Class::Read, rates)].into(), nodes: NonZeroU32::new(nodes).expect("some") }
}

fn from(ip: &str) -> Caller<'static> {
    Caller { ip: Some(ip.parse().expect("an address")), ..Caller::default() }
}

async fn count(limits: &Limits, caller: Caller<'_>, requests: u32) -> Outcome<u32> {
    let mut allowed = 0;
    for _ in 0..requests {
        allowed += u32::from(limits.check(Class::Read, caller).await.ok_or("a limit")?.allowed());
    }
    Ok(allowed)
}

#[test]
fn so_many_come_at_once_and_are_there_again_in_time() {
    story(async |context, clock| {
        let limits = Limits::new(&context, settings(Rates { by_ip: vec![rate(100, 60)], ..Rates::default() }, 1), None);
        let first = limits.check(Class::Read, from("192.0.2.1")).await.ok_or("a limit")?;
        let expected = Decision { rate: rate(100, 60), remaining: 99, reset: Duration::from_millis(600), retry_after: None };
        assert_eq!(first, expected);
        assert_eq!(count(&limits, from("192.0.2.1"), 200).await?, 99);
        assert_eq!(count(&limits, from("192.0.2.2"), 1).await?, 1, "somebody else");
        let refused = limits.check(Class::Read, from("192.0.2.1")).await.ok_or("a limit")?;
        assert_eq!((refused.remaining, refused.retry_after), (0, Some(Duration::from_millis(600))));
        clock.advance(Duration::from_millis(599));
        assert_eq!(count(&limits, from("192.0.2.1"), 1).await?, 0);
        clock.advance(Duration::from_millis(1));
        assert_eq!(count(&limits, from("192.0.2.1"), 5).await?, 1);
        clock.advance(Duration::from_secs(60));
        assert_eq!(count(&limits, from("192.0.2.1"), 200).await?, 100);
        assert!(limits.check(Class::Generate, from("192.0.2.1")).await.is_none(), "a class without limits");
        Ok(())
    });
}

#[test]
fn addresses_users_and_keys_are_counted_each_for_itself() {
    story(async |context, _| {
        let rates = Rates { by_ip: vec![rate(1000, 60)], by_user: vec![rate(5, 60), rate(7, 3600)], by_key: vec![rate(3, 60)] };
        let limits = Limits::new(&context, settings(rates, 1), None);
        let ada = Caller { user_id: Some("ada"), ..from("2001:db8::1") };
        assert_eq!(count(&limits, Caller { key_id: Some("k1"), ..ada }, 10).await?, 3, "the key's");
        let elsewhere = Caller { ip: from("2001:db8:0:1::1").ip, ..ada };
        assert_eq!(count(&limits, elsewhere, 10).await?, 0, "refused requests by the key counted for the user, on one node");
        assert_eq!(count(&limits, Caller { user_id: Some("bob"), ..ada }, 10).await?, 5);
        let limits = Limits::new(&context, settings(Rates { by_ip: vec![rate(4, 60)], ..Rates::default() }, 1), None);
        assert_eq!(count(&limits, from("2001:db8::1"), 3).await?, 3);
        assert_eq!(count(&limits, from("2001:db8::ffff:1"), 3).await?, 1, "the same network");
        assert_eq!(count(&limits, from("2001:db8:0:1::1"), 3).await?, 3, "the next one");
        Ok(())
    });
}

#[test]
fn nodes_count_together_and_alone_while_redis_is_away() {
    story(async |context, clock| {
        let mut server = RedisServer::start()?;
        let patient = easel_redis::Settings { answer_max: Duration::from_secs(30), ..easel_redis::Settings::new(server.url()) };
        let node = || -> Outcome<Limits> {
            let rates = Rates { by_ip: vec![rate(100, 100_000)], ..Rates::default() };
            Ok(Limits::new(&context, settings(rates, 2), Some(Redis::new(patient.clone())?)))
        };
        let (a, b) = (node()?, node()?);
        let caller = from("192.0.2.1");
        assert_eq!(count(&a, caller, 60).await? + count(&b, caller, 60).await?, 100, "of 120, together");
        server.stop();
        let other = from("192.0.2.2");
        assert_eq!((count(&a, other, 100).await?, count(&b, other, 100).await?), (75, 75), "half each, and half as much again");
        server.start_again()?;
        // Of a whole limit more is left than of half of one and half as much again. The first answers after a break may be of a broken
        // connection; a node asks once a second.
        let mut together = false;
        for _ in 0..50 {
            clock.advance(Duration::from_secs(2));
            let decision = a.check(Class::Read, from("192.0.2.3")).await.ok_or("a limit")?;
            together |= decision.remaining > 75;
        }
        assert!(together);
        Ok(())
    });
}

#[test]
fn a_redis_that_says_nothing_is_not_waited_for() {
    story(async |context, _| {
        let server = RedisServer::start()?;
        let rates = Rates { by_ip: vec![rate(50, 100_000)], ..Rates::default() };
        let limits = Limits::new(&context, settings(rates, 1), Some(Redis::new(easel_redis::Settings::new(server.url()))?));
        server.freeze();
        // Were each of them to wait for it, this would take longer than any runner allows; the clock stands still, so one does.
        assert_eq!(count(&limits, from("192.0.2.1"), 200_000).await?, 50);
        server.go_on();
        Ok(())
    });
}
