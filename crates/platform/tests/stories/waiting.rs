//! Drawings whose client waits while somebody else draws, and goes away.

use std::{sync::Arc, time::Duration};

use easel_platform::{
    fallback::{Local, Waiting},
    jobs::{NewJob, Settings},
    orders::{Order, Output, Pictures, Work},
    worker::{Held, Keeper},
};
use easel_providers::Kind;
use easel_store::jobs::JobState;
use easel_testing::on_both_engines;
use serde_json::json;

use crate::{
    common::{START, World, job_for},
    elsewhere::{Elsewhere, MODEL, Setup, submissions},
    fakes::{
        Reply,
        services::{polled, submits},
    },
    fallback::{drawing, fake, serves},
};

/// How long a client would wait.
const PATIENCE: Duration = Duration::from_secs(60);
const SIZE: (u32, u32) = (1024, 1024);

on_both_engines! {
    async fn what_nobody_waits_for_is_cancelled_there_and_costs_its_owner_nothing(database: &Database) {
        // A provider that has taken the work on is told; one that has not answered yet cannot be.
        for (seed, answers, connections, told) in [(1, true, 3, 1), (2, false, 1, 0)] {
            let fake = fake(&[Kind::Fal], move |kind, request, port| {
                if request.path.ends_with("/cancel") {
                    return Reply::ok(json!({"status": "CANCELLATION_REQUESTED"}));
                }
                match submits(kind, request) {
                    true if answers => serves(kind, request, port),
                    true => Reply::Silence,
                    false => Reply::ok(polled(kind, &request.path, false, "")),
                }
            })
            .await;
            let world = World::at(database.url(), &database.dir(), START, seed, Settings::default()).await?;
            let here = Elsewhere::over(world, fake.port(), Setup::of(&[Kind::Fal])).await?;
            let ada = here.somebody(if answers { "ada" } else { "eve" }).await?;
            let request = drawing().request(Pictures { start: None, mask: None, controls: Vec::new() }, 7);
            let offer = here.fallback.offer_for(&ada.id, &drawing(), &request, SIZE).await?.ok_or("an offer")?;
            let order = Order { work: Work::Draw(Box::new(drawing())), output: Output::default() };
            let text = order.to_json();
            let new = NewJob { request: &text, model: MODEL, ..job_for(&ada.id, 1) };
            let job = here.platform.jobs.submit_to_with("api/test", new, Some(&offer)).await?;
            let mut held = Held::begin(&here.platform.jobs, &job).ok_or("a lease")?.given_up_when_dropped();
            let before = here.spent(Kind::Fal).await?;
            let (fallback, keeper, waited) = (here.fallback.clone(), Keeper::new(Arc::clone(&here.platform), true), job.clone());
            let waiting = tokio::spawn(async move {
                let waiting =
                    Waiting { job: &waited, order: &order, request: &request, size: SIZE, keeper: &keeper, time_limit: PATIENCE };
                fallback.serve_waiting(waiting, Local::ModelMissing, &mut held).await.is_ok()
            });
            while fake.connections() < connections {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(here.spent(Kind::Fal).await?.1 > 0, "it is set aside before it is sent");
            waiting.abort();
            assert!(waiting.await.is_err_and(|error| error.is_cancelled()));
            let cancellations = || {
                let received = fake.received.lock().expect("no test panics with it");
                received.iter().filter(|request| request.path.ends_with("/cancel")).count()
            };
            for _ in 0..500 {
                if here.platform.jobs.get(&ada.id, &job.id).await?.state.is_terminal() && cancellations() >= told {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let ended = here.platform.jobs.get(&ada.id, &job.id).await?;
            assert_eq!((ended.state, ended.images_delivered, cancellations()), (JobState::Cancelled, 0, told));
            assert_eq!(here.world.balance(&ada.id).await?, (100, 0));
            let (spent, reserved) = here.spent(Kind::Fal).await?;
            assert!(spent > before.0 && reserved == 0, "what was sent may be paid: {spent} {reserved}");
            // Nobody goes on with it.
            let next = here.ask(&ada, drawing()).await?;
            here.platform.jobs.cancel(&ada.id, &next.id).await?;
            assert!(here.platform.jobs.claim("w", None, 10).await?.is_empty());
            assert!(submissions(&fake, Kind::Fal) <= 1);
            here.world.assert_clean().await?;
        }
    }
}
