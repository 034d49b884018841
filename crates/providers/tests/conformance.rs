//! The same tests for every adapter, against servers that answer in the recorded shapes.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod fakes;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use easel_providers::{
    Accepted, Attempt, Callback, Cancelled, Delivery, FailureClass, ImageProvider, Kind, Output, Polled, ProviderError, Secret,
    Submitted, TaskHandle,
};
use fakes::{
    Fake, Received, Reply,
    accounts::{KEY, PROMPT, account, attempt, hosts, inpaint, order, registered},
    client, png,
    services::{TASK, accepted, is_async, moderation, picture_url, polled, submits, too_much},
};
use serde_json::json;

/// A service that answers submissions and questions by these functions, and has a file.
async fn serving(
    kind: Kind,
    submission: impl Fn(u16) -> Reply + Send + Sync + 'static,
    question: impl Fn(usize, &str, u16) -> Reply + Send + Sync + 'static,
) -> (Fake, Arc<dyn ImageProvider>) {
    let asked = AtomicUsize::new(0);
    let own_port = Arc::new(AtomicUsize::new(0));
    let port = own_port.clone();
    let fake = Fake::start(move |request: &Received| {
        let port = u16::try_from(port.load(Ordering::SeqCst)).unwrap();
        if request.path.starts_with("/files/") {
            Reply::png()
        } else if submits(kind, request) {
            submission(port)
        } else {
            question(asked.fetch_add(1, Ordering::SeqCst), &request.path, port)
        }
    })
    .await;
    own_port.store(usize::from(fake.port()), Ordering::SeqCst);
    let (api, files) = hosts(kind);
    let provider = registered(&client(&[api, files], fake.port()), kind, fake.port()).provider;
    (fake, provider)
}

fn never(_: usize, path: &str, _: u16) -> Reply {
    panic!("nobody asks about {path}")
}

async fn submit(kind: Kind, provider: &Arc<dyn ImageProvider>, time_left: Duration) -> Result<Submitted, ProviderError> {
    let order = provider.capabilities(fakes::accounts::model(kind)).unwrap().fit(&order(kind)).unwrap();
    provider.submit(&order, &Attempt { time_left, ..attempt(kind) }).await
}

const LONG: Duration = Duration::from_secs(20);

/// Asks until it is done.
async fn finish(provider: &Arc<dyn ImageProvider>, submitted: Submitted) -> Result<Delivery, ProviderError> {
    match submitted {
        Submitted::Done(delivery) => Ok(delivery),
        Submitted::Task(task) => loop {
            if let Polled::Done(delivery) = provider.poll(&task).await? {
                return Ok(delivery);
            }
        },
    }
}

/// Nothing secret in what can be printed or stored.
fn check_silent(text: &str) {
    assert!(!text.contains(KEY) && !text.contains("canary") && !text.contains("heron"), "{text}");
}

#[tokio::test]
async fn every_service_delivers() {
    for &kind in Kind::ALL {
        let question = move |count, path: &str, port| Reply::ok(polled(kind, path, count > 0, &picture_url(kind, port)));
        let (fake, provider) = serving(kind, move |port| Reply::ok(accepted(kind, port)), question).await;
        let submitted = submit(kind, &provider, LONG).await.unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        assert_eq!(matches!(submitted, Submitted::Task(_)), is_async(kind), "{kind}");
        let delivery = finish(&provider, submitted).await.unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        let pictures = provider.fetch_all(&delivery).await.unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        assert_eq!((pictures.len(), &pictures[0].bytes[..]), (1, &png()[..]), "{kind}");
        let posts = fake.asked("POST");
        assert_eq!(posts.len(), 1, "{kind}: one submission");
        assert!(posts[0].text().contains(PROMPT) && posts[0].head.contains(KEY), "{kind}");
        // The key goes to the service's own host and to no file.
        for request in fake.received.lock().unwrap().iter().filter(|request| request.path.starts_with("/files/")) {
            assert!(!request.head.contains(KEY), "{kind}: {}", request.head);
        }
        check_silent(&format!("{provider:?} {delivery:?}", provider = provider.id()));
    }
}

#[tokio::test]
async fn being_asked_too_much_is_told_with_its_hint() {
    for &kind in Kind::ALL {
        let (_fake, provider) = serving(kind, move |_| too_much(kind).0, never).await;
        let failure = submit(kind, &provider, LONG).await.unwrap_err();
        assert_eq!((failure.class, failure.accepted), (FailureClass::RateLimited, Accepted::No), "{kind}");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(too_much(kind).1)), "{kind}");
    }
}

#[tokio::test]
async fn refusals_by_the_rules_are_told_apart_and_quote_nobody() {
    for &kind in Kind::ALL {
        let (at_once, when_asked) = moderation(kind);
        let submission = move |port| at_once.clone().unwrap_or_else(|| Reply::ok(accepted(kind, port)));
        let question = move |_, _: &str, _| Reply::ok(when_asked.clone().unwrap());
        let (_fake, provider) = serving(kind, submission, question).await;
        let outcome = match submit(kind, &provider, LONG).await {
            Ok(submitted) => finish(&provider, submitted).await,
            Err(failure) => Err(failure),
        };
        let failure = outcome.unwrap_err();
        assert_eq!(failure.class, FailureClass::Moderated, "{kind}: {failure:?}");
        assert_eq!(failure.client_code(), "content_policy", "{kind}");
        check_silent(&format!("{failure:?} {failure} {}", serde_json::to_string(&failure).unwrap()));
    }
}

#[tokio::test]
async fn other_statuses_have_their_class_on_both_ways() {
    use FailureClass::*;
    for &kind in Kind::ALL {
        for (status, class, accepted_at_once) in [
            (400, UserError, Accepted::No),
            (401, Permanent, Accepted::No),
            (402, Quota, Accepted::No),
            (500, Transient, Accepted::No),
            (502, Transient, Accepted::Unknown),
            (503, Transient, Accepted::No),
            (504, Timeout, Accepted::Unknown),
        ] {
            // A service that repeats the key and the prompt where a code belongs.
            let reply = move || Reply::Json(status, json!({"error": {"code": KEY, "message": PROMPT}, "detail": PROMPT}));
            let (_fake, provider) = serving(kind, move |_| reply(), never).await;
            let failure = submit(kind, &provider, LONG).await.unwrap_err();
            assert_eq!((failure.class, failure.accepted), (class, accepted_at_once), "{kind} {status}");
            assert_eq!(failure.status, Some(status), "{kind}");
            check_silent(&format!("{failure:?} {failure} {}", serde_json::to_string(&failure).unwrap()));
            if is_async(kind) {
                let (_fake, provider) = serving(kind, move |port| Reply::ok(accepted(kind, port)), move |_, _, _| reply()).await;
                let submitted = submit(kind, &provider, LONG).await.unwrap();
                let failure = finish(&provider, submitted).await.unwrap_err();
                assert_eq!((failure.class, failure.accepted), (class, Accepted::Yes), "{kind} {status} when asked");
            }
        }
    }
}

#[tokio::test]
async fn silence_is_a_timeout_that_may_have_been_paid() {
    for &kind in Kind::ALL {
        let (_fake, provider) = serving(kind, |_| Reply::Silence, never).await;
        let failure = submit(kind, &provider, Duration::from_millis(50)).await.unwrap_err();
        assert_eq!((failure.class, failure.accepted), (FailureClass::Timeout, Accepted::Unknown), "{kind}");
    }
}

#[tokio::test]
async fn garbage_is_garbage_wherever_it_comes() {
    let bodies: [&[u8]; 8] = [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{\"data\":[]}",
        b"{\"data\":[{}],\"image\":7,\"candidates\":[{}],\"predictions\":[{}],\"id\":\"../x\",\"request_id\":\"a/b\"}",
        b"{\"data\":[{\"b64_json\":\"!!!\"}],\"image\":\"!!!\",\"predictions\":[{\"bytesBase64Encoded\":\"!!!\"}],\"candidates\":7,\"id\":7}",
        b"\xff\xfe",
    ];
    for &kind in Kind::ALL {
        for body in bodies {
            let reply = move || Reply::With(200, String::new(), body.to_vec());
            let (_fake, provider) = serving(kind, move |_| reply(), never).await;
            let failure = submit(kind, &provider, LONG).await.unwrap_err();
            assert_eq!((failure.class, failure.accepted), (FailureClass::Garbage, Accepted::Unknown), "{kind}: {body:?}");
            if is_async(kind) {
                let (_fake, provider) = serving(kind, move |port| Reply::ok(accepted(kind, port)), move |_, _, _| reply()).await;
                let submitted = submit(kind, &provider, LONG).await.unwrap();
                assert_eq!(finish(&provider, submitted).await.unwrap_err().class, FailureClass::Garbage, "{kind}: {body:?}");
            }
        }
        // What is no picture, where one should be.
        let (_fake, provider) = serving(kind, move |port| Reply::ok(accepted(kind, port)), never).await;
        let failure = provider.fetch(&Output::Inline(b"<html>not one</html>".to_vec().into())).await.unwrap_err();
        assert_eq!((failure.class, failure.accepted), (FailureClass::Garbage, Accepted::Yes), "{kind}");
    }
}

#[tokio::test]
async fn redirects_lead_nowhere_private() {
    for &kind in Kind::ALL {
        let canary = Fake::start(|_| Reply::png()).await;
        let to = format!("http://127.0.0.1:{}/", canary.port());
        for to in [to, "http://169.254.169.254/latest/meta-data/".into(), "file:///etc/passwd".into()] {
            // The submission, the question, the file.
            let target = to.clone();
            let (_fake, provider) = serving(kind, move |_| Reply::redirect(&target), never).await;
            let failure = submit(kind, &provider, LONG).await.unwrap_err();
            assert_eq!(failure.class, FailureClass::Garbage, "{kind}: {failure:?}");
            if is_async(kind) {
                let target = to.clone();
                let (_fake, provider) =
                    serving(kind, move |port| Reply::ok(accepted(kind, port)), move |_, _, _| Reply::redirect(&target)).await;
                let submitted = submit(kind, &provider, LONG).await.unwrap();
                assert_eq!(finish(&provider, submitted).await.unwrap_err().class, FailureClass::Garbage, "{kind}");
            }
            let target = to.clone();
            let files = Fake::start(move |_| Reply::redirect(&target)).await;
            let (api, host) = hosts(kind);
            let provider = registered(&client(&[api, host], files.port()), kind, files.port()).provider;
            let failure = provider.fetch(&Output::At(picture_url(kind, files.port()))).await.unwrap_err();
            assert_eq!(failure.class, FailureClass::Garbage, "{kind}: {failure:?}");
            // A service without files of its own reaches none at all.
            let reaches = !matches!(kind, Kind::Stability | Kind::Gemini | Kind::Imagen);
            assert_eq!(files.connections(), usize::from(reaches), "{kind}");
        }
        assert_eq!(canary.connections(), 0, "{kind}");
    }
}

#[tokio::test]
async fn a_task_is_gone_on_with_by_another_process() {
    for &kind in Kind::ALL.iter().filter(|&&kind| is_async(kind)) {
        let question = move |count, path: &str, port| Reply::ok(polled(kind, path, count > 0, &picture_url(kind, port)));
        let (fake, provider) = serving(kind, move |port| Reply::ok(accepted(kind, port)), question).await;
        let Submitted::Task(task) = submit(kind, &provider, LONG).await.unwrap() else { panic!("{kind}") };
        assert_eq!(task.id, TASK);
        let stored = serde_json::to_string(&task).unwrap();
        check_silent(&stored);
        drop((provider, task));

        let (api, files) = hosts(kind);
        let provider = registered(&client(&[api, files], fake.port()), kind, fake.port()).provider;
        let task: TaskHandle = serde_json::from_str(&stored).unwrap();
        let delivery = finish(&provider, Submitted::Task(task.clone())).await.unwrap();
        assert_eq!(provider.fetch_all(&delivery).await.unwrap().len(), 1, "{kind}");
        assert_eq!(fake.asked("POST").len(), 1, "{kind}: paid once");
        // Somebody else's handle, or one whose name leads elsewhere, is not asked about.
        let before = fake.connections();
        for foreign in [
            TaskHandle { id: "../../account".into(), ..task.clone() },
            TaskHandle { provider: "other".parse().unwrap(), ..task.clone() },
            TaskHandle { kind: Kind::Openai, ..task.clone() },
        ] {
            assert_eq!(provider.poll(&foreign).await.unwrap_err().class, FailureClass::Permanent, "{kind}");
            assert_eq!(provider.cancel(&foreign).await.unwrap_err().class, FailureClass::Permanent, "{kind}");
        }
        assert_eq!(fake.connections(), before, "{kind}");
    }
}

#[tokio::test]
async fn tasks_are_cancelled_where_there_is_a_word_for_it() {
    for (kind, wanted) in [(Kind::Replicate, Cancelled::Yes), (Kind::Fal, Cancelled::Yes), (Kind::Bfl, Cancelled::Impossible)] {
        let (fake, provider) = serving(kind, move |port| Reply::ok(accepted(kind, port)), |_, _, _| Reply::ok(json!({}))).await;
        let Submitted::Task(task) = submit(kind, &provider, LONG).await.unwrap() else { panic!("{kind}") };
        assert_eq!(provider.cancel(&task).await.unwrap(), wanted, "{kind}");
        let asked = fake.received.lock().unwrap().iter().any(|request| request.path.ends_with("/cancel"));
        assert_eq!(asked, wanted == Cancelled::Yes, "{kind}");
    }
}

#[tokio::test]
async fn pictures_and_masks_go_along_as_each_wants_them() {
    for (kind, model, needles) in [
        (Kind::Openai, "gpt-image-1", vec!["name=\"image\"; filename=\"image.png\"", "name=\"mask\""]),
        (Kind::Stability, "generate/core", vec!["name=\"image\"", "name=\"mask\"", "name=\"prompt\""]),
        (Kind::OpenaiCompatible, "own-model", vec!["name=\"image\"", "name=\"mask\"", "b64_json"]),
        (Kind::Bfl, "flux-pro-1.1", vec!["\"image\":\"iVBOR", "\"mask\":\"iVBOR"]),
    ] {
        let (fake, provider) = serving(kind, move |port| Reply::ok(accepted(kind, port)), never).await;
        let mut order = order(kind);
        (order.model, order.task) = (model.to_owned(), inpaint());
        let order = provider.capabilities(model).unwrap().fit(&order).unwrap();
        provider.submit(&order, &attempt(kind)).await.unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        let sent = fake.asked("POST").remove(0);
        for needle in needles {
            assert!(sent.text().contains(needle), "{kind}: {needle}");
        }
    }
}

#[tokio::test]
async fn nothing_that_can_be_printed_holds_a_key_or_a_prompt() {
    for &kind in Kind::ALL {
        let (fake, provider) = serving(kind, move |port| Reply::ok(accepted(kind, port)), never).await;
        let account = account(kind, fakes::accounts::base(kind, fake.port()));
        let order = order(kind);
        let fitted = provider.capabilities(&order.model).unwrap().fit(&order).unwrap();
        let callback = Callback { url: "https://easel.example.com/hook".into(), secret: Some(Secret::new(KEY)) };
        let attempt = Attempt { webhook: Some(callback), ..attempt(kind) };
        let registered = registered(&client(&[hosts(Kind::Fal).0], fake.port()), Kind::Fal, fake.port());
        check_silent(&format!("{account:?} {order:?} {fitted:?} {attempt:?} {registered:?}"));
        check_silent(&format!("{:?}", Output::At("https://fal.media/a.png?sig=canary".into())));
    }
}
