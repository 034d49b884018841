//! Attempts from their intention to their pictures, and what is sent again, asked again or given up.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod fakes;

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use easel_providers::{
    Accepted, Attempt, AttemptKey, Delivery, Drive, DriveError, FailureClass, Journal, Kind, Micros, NotWritten, Pace,
    Registered, Served, Step,
};
use fakes::{
    Fake, Received, Reply,
    accounts::{account, attempt, base, fitted, hosts, order, registered},
    client,
    services::{accepted, is_async, picture_url, polled, submits},
};
use serde_json::json;

/// Remembers all that was written, and refuses from a certain write on.
#[derive(Default)]
struct Pages {
    steps: Mutex<Vec<Step>>,
    answer: Mutex<Option<Delivery>>,
    room: Option<usize>,
}

impl Pages {
    fn last(&self) -> Option<Step> {
        self.steps.lock().unwrap().last().cloned()
    }
}

impl Journal for Pages {
    fn write<'a>(
        &'a self,
        _: &'a AttemptKey,
        step: &'a Step,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotWritten>> + Send + 'a>> {
        Box::pin(async move {
            let mut steps = self.steps.lock().unwrap();
            if self.room.is_some_and(|room| steps.len() >= room) {
                return Err(NotWritten);
            }
            steps.push(step.clone());
            Ok(())
        })
    }

    fn keep_answer<'a>(
        &'a self,
        _: &'a AttemptKey,
        answer: &'a Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotWritten>> + Send + 'a>> {
        *self.answer.lock().unwrap() = Some(answer.clone());
        Box::pin(async { Ok(()) })
    }

    fn kept_answer<'a>(
        &'a self,
        _: &'a AttemptKey,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Delivery>, NotWritten>> + Send + 'a>> {
        let kept = self.answer.lock().unwrap().clone();
        Box::pin(async { Ok(kept) })
    }
}

const PACE: Pace = Pace { first: Duration::from_millis(2), longest: Duration::from_millis(10), retries: 2 };

/// What a service does at each of its requests: the count of its kind, its path, the port.
type Script = dyn Fn(&'static str, usize, &Received, u16) -> Reply + Send + Sync;

async fn serving(kind: Kind, script: Arc<Script>) -> (Fake, Registered) {
    let counts: [AtomicUsize; 4] = Default::default();
    let own_port = Arc::new(AtomicUsize::new(0));
    let port = own_port.clone();
    let fake = Fake::start(move |request| {
        let (name, place) = match request {
            request if request.path.starts_with("/files/") => ("file", 0),
            request if request.path.ends_with("/cancel") => ("cancel", 1),
            request if submits(kind, request) => ("submit", 2),
            _ => ("ask", 3),
        };
        let port = u16::try_from(port.load(Ordering::SeqCst)).unwrap();
        script(name, counts[place].fetch_add(1, Ordering::SeqCst), request, port)
    })
    .await;
    own_port.store(usize::from(fake.port()), Ordering::SeqCst);
    let (api, files) = hosts(kind);
    let registered = registered(&client(&[api, files], fake.port()), kind, fake.port());
    (fake, registered)
}

/// A service that does as it should.
fn good(kind: Kind, name: &str, request: &Received, port: u16) -> Reply {
    match name {
        "submit" => Reply::ok(accepted(kind, port)),
        "ask" => Reply::ok(polled(kind, &request.path, true, &picture_url(kind, port))),
        "cancel" => Reply::ok(json!({})),
        _ => Reply::png(),
    }
}

async fn run(
    kind: Kind,
    registered: &Registered,
    pages: &Pages,
    known: Option<Step>,
    time: Duration,
) -> Result<Served, DriveError> {
    let order = fitted(registered, &order(kind));
    let drive = Drive { provider: &*registered.provider, journal: pages, pace: PACE, wake: None };
    drive.run(&order, &Attempt { time_left: time, ..attempt(kind) }, known).await
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn every_service_is_written_down_before_and_after() {
    for &kind in Kind::ALL {
        let (fake, registered) = serving(kind, Arc::new(move |name, _, request, port| good(kind, name, request, port))).await;
        let pages = Pages::default();
        let served = run(kind, &registered, &pages, None, LONG).await.unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        assert_eq!(served.pictures.len(), 1, "{kind}");
        let price = fitted(&registered, &order(kind)).quote.total;
        assert_eq!(served.cost, price, "{kind}");
        assert_eq!(served.cost == Micros::ZERO, kind == Kind::OpenaiCompatible, "{kind}");
        let steps = pages.steps.lock().unwrap().clone();
        assert!(matches!(steps[0], Step::Intended { .. }), "{kind}");
        assert_eq!(steps.len(), if is_async(kind) { 2 } else { 1 }, "{kind}: {steps:?}");
        assert_eq!(fake.asked("POST").len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_written_down() {
    for &kind in Kind::ALL {
        let (fake, registered) = serving(kind, Arc::new(move |name, _, request, port| good(kind, name, request, port))).await;
        let pages = Pages { room: Some(0), ..Pages::default() };
        assert_eq!(run(kind, &registered, &pages, None, LONG).await, Err(DriveError::Journal), "{kind}");
        assert_eq!(fake.connections(), 0, "{kind}");
    }
}

#[tokio::test]
async fn what_was_certainly_not_taken_on_is_sent_again_and_nothing_else_is() {
    for &kind in Kind::ALL {
        for (status, good_at, sent, works) in [(503, 2, 3, true), (503, 9, 3, false), (502, 1, 1, false), (400, 1, 1, false)] {
            let script = move |name: &'static str, count, request: &Received, port| match name {
                "submit" if count < good_at => Reply::Json(status, json!({"detail": "x"})),
                _ => good(kind, name, request, port),
            };
            let (fake, registered) = serving(kind, Arc::new(script)).await;
            let pages = Pages::default();
            let outcome = run(kind, &registered, &pages, None, LONG).await;
            assert_eq!(outcome.is_ok(), works, "{kind} {status}: {outcome:?}");
            assert_eq!(fake.asked("POST").len(), sent, "{kind} {status}");
            let ended = matches!(pages.last(), Some(Step::Ended { failure: Some(_) }));
            assert_eq!(ended, !works, "{kind} {status}");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_paid_at_most_once() {
    for &kind in Kind::ALL {
        let (fake, registered) = serving(kind, Arc::new(move |name, _, request, port| good(kind, name, request, port))).await;
        let pages = Pages::default();
        let known = Some(Step::Intended { provider: kind.into() });
        let Err(DriveError::Provider(failure)) = run(kind, &registered, &pages, known, LONG).await else { panic!("{kind}") };
        assert_eq!((failure.accepted, failure.code.as_deref()), (Accepted::Unknown, Some("outcome_unknown")), "{kind}");
        assert_eq!(fake.connections(), 0, "{kind}");
    }
    // A server that honours keys gives the same work for the same key.
    let kind = Kind::OpenaiCompatible;
    let (fake, _) = serving(kind, Arc::new(move |name, _, request, port| good(kind, name, request, port))).await;
    let account = easel_providers::Account { idempotent: true, ..account(kind, base(kind, fake.port())) };
    let client = client(&[hosts(kind).0], fake.port());
    let registered = easel_providers::connect(&client, &easel_providers::Catalogue::shipped(), account).unwrap();
    let known = Some(Step::Intended { provider: kind.into() });
    run(kind, &registered, &Pages::default(), known, LONG).await.unwrap();
    let key = attempt(kind).key;
    assert!(fake.asked("POST")[0].head.contains(&format!("idempotency-key: {}", key.as_str())));
}

#[tokio::test]
async fn an_answer_that_was_kept_is_gone_on_with() {
    for &kind in Kind::ALL.iter().filter(|&&kind| !is_async(kind)) {
        let (fake, registered) = serving(kind, Arc::new(move |name, _, request, port| good(kind, name, request, port))).await;
        let pages = Pages::default();
        let served = run(kind, &registered, &pages, None, LONG).await.unwrap();
        assert!(pages.answer.lock().unwrap().is_some(), "{kind}: kept before its pictures are anywhere");
        let known = Some(Step::Intended { provider: kind.into() });
        let again = run(kind, &registered, &pages, known, LONG).await.unwrap();
        assert_eq!((again.pictures, again.cost), (served.pictures, served.cost), "{kind}");
        assert_eq!(fake.asked("POST").len(), 1, "{kind}: handed in once");
    }
}

#[tokio::test]
async fn an_attempt_that_ended_stays_ended() {
    let kind = Kind::Fal;
    let (fake, registered) = serving(kind, Arc::new(move |name, _, request, port| good(kind, name, request, port))).await;
    for failure in [None, Some(easel_providers::ProviderError::new(&kind.into(), FailureClass::Moderated, Accepted::Unknown))] {
        let known = Some(Step::Ended { failure: failure.clone() });
        let Err(DriveError::Provider(told)) = run(kind, &registered, &Pages::default(), known, LONG).await else { panic!() };
        assert_eq!(told.class, failure.map_or(FailureClass::Permanent, |failure| failure.class));
    }
    assert_eq!(fake.connections(), 0);
}

#[tokio::test]
async fn questions_that_go_wrong_are_asked_again_and_a_file_that_is_gone_once() {
    for &kind in Kind::ALL.iter().filter(|&&kind| is_async(kind)) {
        let script = move |name: &'static str, count, request: &Received, port| match (name, count) {
            ("ask", 0) => Reply::Json(500, json!({})),
            ("ask", 1) => Reply::With(429, "retry-after-ms: 1\r\n".into(), b"{}".to_vec()),
            ("ask", 2) => Reply::ok(polled(kind, &request.path, false, "")),
            ("file", 0) => Reply::Json(404, json!({})),
            _ => good(kind, name, request, port),
        };
        let (fake, registered) = serving(kind, Arc::new(script)).await;
        let served =
            run(kind, &registered, &Pages::default(), None, LONG).await.unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        assert_eq!((served.pictures.len(), fake.asked("POST").len()), (1, 1), "{kind}");
        // Gone for good is gone: it was done and may have been paid.
        let script = move |name: &'static str, _, request: &Received, port| match name {
            "file" => Reply::Json(404, json!({})),
            _ => good(kind, name, request, port),
        };
        let (_fake, registered) = serving(kind, Arc::new(script)).await;
        let Err(DriveError::Provider(failure)) = run(kind, &registered, &Pages::default(), None, LONG).await else {
            panic!("{kind}")
        };
        assert_eq!((failure.code.as_deref(), failure.accepted), (Some("picture_gone"), Accepted::Yes), "{kind}");
    }
}

#[tokio::test]
async fn when_time_is_over_the_provider_is_told() {
    for &kind in Kind::ALL.iter().filter(|&&kind| is_async(kind)) {
        let script = move |name: &'static str, _, request: &Received, port| match name {
            "ask" => Reply::ok(polled(kind, &request.path, false, "")),
            _ => good(kind, name, request, port),
        };
        let (fake, registered) = serving(kind, Arc::new(script)).await;
        let pages = Pages::default();
        // Handed in already, so that only asking takes time.
        let submitted = registered.provider.submit(&fitted(&registered, &order(kind)), &attempt(kind)).await.unwrap();
        let easel_providers::Submitted::Task(task) = submitted else { panic!("{kind}") };
        let outcome = run(kind, &registered, &pages, Some(Step::Accepted { task }), Duration::from_millis(30)).await;
        let Err(DriveError::Provider(failure)) = outcome else { panic!("{kind}: {outcome:?}") };
        assert_eq!((failure.class, failure.accepted), (FailureClass::Timeout, Accepted::Yes), "{kind}");
        let told = fake.received.lock().unwrap().iter().any(|request| request.path.ends_with("/cancel"));
        assert_eq!(told, kind != Kind::Bfl, "{kind}");
        assert!(matches!(pages.last(), Some(Step::Ended { failure: Some(_) })), "{kind}");
    }
}
