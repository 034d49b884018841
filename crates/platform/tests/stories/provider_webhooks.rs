//! Providers that say they are done: whoever waits asks at once; what is not signed wakes nobody.

use std::{sync::Arc, time::Duration};

use easel_outbound::header::{HeaderMap, HeaderName, HeaderValue};
use easel_platform::{fallback::WakeError, orders::Drawing};
use easel_providers::{Kind, Pace};
use easel_store::jobs::JobState;
use easel_testing::on_both_engines;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::{
    common::World,
    elsewhere::{Elsewhere, MODEL, Setup, file},
    fakes::{
        Fake, Reply,
        services::{TASK, accepted, picture_url, polled, submits},
    },
};

const SECRET: &str = "what-the-two-agreed-on";

fn signed(body: &[u8], secret: &str) -> HeaderMap {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let value = HeaderValue::from_str(&format!("sha256={hex}")).expect("ASCII");
    HeaderMap::from_iter([(HeaderName::from_static("x-bfl-signature"), value)])
}

on_both_engines! {
    async fn a_signed_webhook_wakes_whoever_waits(database: &Database) {
        let port = Arc::new(std::sync::atomic::AtomicU16::new(0));
        let (own, asked) = (port.clone(), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
        let fake = Fake::start(move |request| {
            let port = own.load(std::sync::atomic::Ordering::SeqCst);
            if request.path.starts_with("/files/") {
                return file();
            }
            if submits(Kind::Bfl, request) {
                return Reply::ok(accepted(Kind::Bfl, port));
            }
            // Not done when it is asked first.
            let done = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0;
            Reply::ok(polled(Kind::Bfl, &request.path, done, &picture_url(Kind::Bfl, port)))
        })
        .await;
        port.store(fake.port(), std::sync::atomic::Ordering::SeqCst);
        // Without a webhook it would be asked again in an hour.
        let hour = Duration::from_secs(3600);
        let pace = Pace { first: hour, longest: hour, retries: 0 };
        let setup = Setup { webhook_secret: Some(SECRET), pace: Some(pace), ..Setup::of(&[Kind::Bfl]) };
        let here = Elsewhere::over(World::open(database).await?, fake.port(), setup).await?;
        let ada = here.somebody("ada").await?;
        let job = here.ask(&ada, Drawing::new(MODEL, "a heron")).await?;
        let worker = here.worker("w");
        let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
        while fake.connections() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let body = json!({"id": TASK, "status": "SUCCESS"}).to_string();
        for (provider, headers) in [
            ("bfl", HeaderMap::new()),
            ("bfl", signed(body.as_bytes(), "something else")),
            ("bfl", signed(b"{}", SECRET)),
            ("fal", signed(body.as_bytes(), SECRET)),
            ("../bfl", signed(body.as_bytes(), SECRET)),
        ] {
            let refused = here.fallback.wake(provider, &headers, body.as_bytes()).await;
            assert!(matches!(refused, Err(WakeError::Webhook(_) | WakeError::Unknown)), "{provider}: {refused:?}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(fake.connections(), 2, "nobody was woken");
        // One of a task nobody waits for is taken, and changes nothing.
        let others = json!({"id": "task-of-others"}).to_string();
        here.fallback.wake("bfl", &signed(others.as_bytes(), SECRET), others.as_bytes()).await?;
        here.fallback.wake("bfl", &signed(body.as_bytes(), SECRET), body.as_bytes()).await?;
        for _ in 0..1000 {
            if here.platform.jobs.get(&ada.id, &job.id).await?.state.is_terminal() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        working.abort();
        let job = here.platform.jobs.get(&ada.id, &job.id).await?;
        assert_eq!(job.state, JobState::Completed, "{:?}", job.error_code);
        here.world.assert_clean().await?;
    }
}
