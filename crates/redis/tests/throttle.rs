//! The script in a real Redis, and what is left of us when it goes away.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::time::Duration;

use easel_redis::{Bucket, Redis, RedisError, Settings};
use easel_testing::RedisServer;

/// Empties so slowly that no test waits for it.
fn bucket(name: &str, max: u32) -> Bucket {
    Bucket { name: name.to_owned(), max, per: Duration::from_secs(100_000) }
}

fn connect(server: &RedisServer) -> Redis {
    // The machine may be busy; whether an answer comes is what is tested, not when.
    Redis::new(Settings { answer_max: Duration::from_secs(30), ..Settings::new(server.url()) }).unwrap()
}

#[tokio::test]
async fn a_bucket_lets_through_what_it_holds_whoever_asks() {
    let server = RedisServer::start().unwrap();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let node = connect(&server);
        asking.spawn(async move {
            let mut counted = 0;
            for _ in 0..50 {
                counted += u32::from(node.throttle(&[bucket("a", 77)]).await.unwrap().0);
            }
            counted
        });
    }
    let counted: u32 = asking.join_all().await.into_iter().sum();
    assert_eq!(counted, 77, "of 200 requests from four nodes");
}

#[tokio::test]
async fn one_full_bucket_counts_nothing_in_the_others() {
    let server = RedisServer::start().unwrap();
    let node = connect(&server);
    let both = [bucket("wide", 10), bucket("narrow", 2)];
    for left in [(9, 1), (8, 0)] {
        let (counted, verdicts) = node.throttle(&both).await.unwrap();
        assert!(counted);
        assert_eq!((verdicts[0].remaining, verdicts[1].remaining), left);
        assert!(verdicts.iter().all(|verdict| verdict.wait.is_zero() && !verdict.reset.is_zero()));
    }
    for _ in 0..3 {
        let (counted, verdicts) = node.throttle(&both).await.unwrap();
        assert!(!counted);
        assert_eq!((verdicts[0].remaining, verdicts[1].remaining), (8, 0));
        assert!(verdicts[0].wait.is_zero());
        let wait = verdicts[1].wait.as_secs();
        assert!((40_000..=50_000).contains(&wait), "half of the time it takes to empty: {wait}");
    }
    assert!(node.throttle(&both[..1]).await.unwrap().0);
}

#[tokio::test]
async fn a_bucket_empties() {
    let server = RedisServer::start().unwrap();
    let node = connect(&server);
    let quick = Bucket { name: "quick".to_owned(), max: 1, per: Duration::from_millis(20) };
    for _ in 0..3 {
        // Waits as long as it is told, and then as long as it takes.
        loop {
            let (counted, verdicts) = node.throttle(std::slice::from_ref(&quick)).await.unwrap();
            if counted {
                break;
            }
            tokio::time::sleep(verdicts[0].wait).await;
        }
    }
}

#[tokio::test]
async fn what_is_said_is_heard_by_all_and_a_broken_connection_shows() {
    let mut server = RedisServer::start().unwrap();
    let (a, b) = (connect(&server), connect(&server));
    let (mut first, mut second) = (a.subscribe("c").await.unwrap(), b.subscribe("c").await.unwrap());
    a.publish("c", b"one").await.unwrap();
    b.publish("other", b"not for us").await.unwrap();
    b.publish("c", b"two").await.unwrap();
    for heard in [&mut first, &mut second] {
        assert_eq!(heard.next().await.unwrap(), b"one");
        assert_eq!(heard.next().await.unwrap(), b"two");
    }
    server.stop();
    assert_eq!((first.next().await, second.next().await), (None, None));
    assert!(matches!(a.publish("c", b"three").await, Err(RedisError::Away(_) | RedisError::Late)));
    assert!(matches!(a.throttle(&[bucket("a", 1)]).await, Err(RedisError::Away(_) | RedisError::Late)));
    server.start_again().unwrap();
    // The first answer after a break may still be of the broken connection.
    while a.check().await.is_err() {}
    a.publish("c", b"four").await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_none_is_not_repeated() {
    let error = Redis::new(Settings::new("http://user:hunter2@host")).unwrap_err();
    assert!(matches!(error, RedisError::Address));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    // Over TLS too, to where nobody is: an error, and no panic.
    let nobody = Redis::new(Settings::new("rediss://user:hunter2@127.0.0.1:1")).unwrap().check().await.unwrap_err();
    assert!(!format!("{nobody} {nobody:?}").contains("hunter2"));
    let settings = Settings::new("redis://user:hunter2@127.0.0.1:1");
    assert!(!format!("{:?} {settings:?}", Redis::new(settings.clone()).unwrap()).contains("hunter2"));
}
