//! What this host cannot do is done elsewhere: only where everybody agrees, only for a reason, and paid once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use easel_engine::{
    State,
    sim::{Call, Fault, SimConfig},
};
use easel_platform::{
    accounts::Actor,
    fallback::Consent,
    orders::{Drawing, Source},
};
use easel_providers::{Kind, Limit, Micros, Rules};
use easel_store::{images, jobs::JobState, provider_attempts};
use easel_testing::on_both_engines;
use easel_types::LoraUse;
use serde_json::{Value, json};

use crate::{
    common::World,
    elsewhere::{Elsewhere, MODEL, Setup, file, inline, is_for, submissions},
    fakes::{
        Fake, Received, Reply,
        services::{accepted, moderation, picture_url, polled, submits},
    },
};

const BOTH: [Kind; 2] = [Kind::Fal, Kind::Replicate];

pub fn drawing() -> Drawing {
    Drawing { seed: Some(7), steps: Some(4), clip_skip: Some(1), ..Drawing::new(MODEL, "a heron at dawn") }
}

/// Takes work on, and has it done at once.
pub fn serves(kind: Kind, request: &Received, port: u16) -> Reply {
    if request.path.starts_with("/files/") {
        return file();
    }
    if submits(kind, request) {
        return match kind {
            Kind::Openai | Kind::OpenaiCompatible => inline(),
            kind => Reply::ok(accepted(kind, port)),
        };
    }
    Reply::ok(polled(kind, &request.path, true, &picture_url(kind, port)))
}

/// A fake that has this done by each of these services.
pub async fn fake(kinds: &'static [Kind], answer: impl Fn(Kind, &Received, u16) -> Reply + Send + Sync + 'static) -> Fake {
    let port = Arc::new(std::sync::atomic::AtomicU16::new(0));
    let own = port.clone();
    let fake = Fake::start(move |request| {
        let kind = kinds.iter().copied().find(|&kind| is_for(request, kind));
        kind.map_or(Reply::Json(404, json!({})), |kind| answer(kind, request, own.load(Ordering::SeqCst)))
    })
    .await;
    port.store(fake.port(), Ordering::SeqCst);
    fake
}

fn away(job: &easel_store::jobs::Job) -> Value {
    serde_json::from_str(job.away.as_deref().unwrap_or("{}")).expect("JSON")
}

on_both_engines! {
    async fn a_model_that_is_not_here_is_served_by_a_provider_and_paid_once(database: &Database) {
        let fake = fake(&[Kind::Replicate], serves).await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup::of(&[Kind::Replicate])).await?;
        let ada = here.somebody("ada").await?;
        let asked = here.ask(&ada, drawing()).await?;
        assert_eq!(here.world.balance(&ada.id).await?, (99, 1), "the price is settled before");
        let job = here.ended("w", &asked).await?;
        assert_eq!((job.state, job.provider.as_deref(), job.error_code.as_deref()), (JobState::Completed, Some("replicate"), None));
        let away = away(&job);
        assert_eq!((&away["reason"], &away["served_by"]["model"]), (&json!("model_missing"), &json!("black-forest-labs/flux-schnell")));
        let dropped = away["changes"].as_array().ok_or("changes")?;
        assert!(dropped.contains(&json!({"change": "dropped", "field": "clip_skip"})), "{dropped:?}");
        assert_eq!(here.world.balance(&ada.id).await?, (99, 0));
        let image = images::of_job(&here.world.context.db, &job.id).await?.remove(0);
        let parameters: Value = serde_json::from_str(&image.parameters)?;
        assert_eq!((&parameters["provider"], &parameters["fallback_reason"]), (&json!("replicate"), &json!("model_missing")));
        assert_eq!((image.width, image.model.as_str()), (64, MODEL));
        assert_eq!(submissions(&fake, Kind::Replicate), 1);
        let (spent, reserved) = here.spent(Kind::Replicate).await?;
        assert!(spent > 0 && reserved == 0, "{spent} {reserved}");
        let today = here.world.context.now().day();
        let used = here.world.accounts.usage(&ada.id, today - 1, today).await?;
        assert_eq!(used.iter().map(|day| day.provider_cost_micros).sum::<i64>(), spent, "what it cost is told by day");
        let attempts = provider_attempts::of_job(&here.world.context.db, &job.id).await?;
        assert_eq!((attempts.len(), attempts[0].kept.as_deref()), (1, None), "what came of it is in its own rows by now");
        here.world.assert_clean().await?;
    }

    async fn what_is_here_stays_here(database: &Database) {
        let fake = fake(&[Kind::Replicate], serves).await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup::of(&[Kind::Replicate])).await?;
        let ada = here.somebody("ada").await?;
        let asked = here.ask(&ada, Drawing { model: "sim".to_owned(), ..drawing() }).await?;
        let job = here.ended("w", &asked).await?;
        assert_eq!((job.state, job.provider.as_deref()), (JobState::Completed, None));
        assert_eq!((fake.connections(), away(&job)["served_by"].is_null()), (0, true));
        here.world.assert_clean().await?;
    }

    async fn nothing_is_sent_unless_everybody_agrees(database: &Database) {
        let fake = fake(&[Kind::Replicate], serves).await;
        let off = Rules::default();
        let mut world = World::open(database).await?;
        let cases = [
            ("nobody has said so", on(), None, drawing()),
            ("they have said no", on(), Some(Consent::default()), drawing()),
            ("to others alone", on(), Some(Consent { allow_external: true, providers: vec!["fal".to_owned()], ..Consent::default() }), drawing()),
            ("in another region", on(), Some(Consent { allow_external: true, regions: vec!["eu".to_owned()], ..Consent::default() }), drawing()),
            ("the operator has not switched it on", off, Some(yes()), drawing()),
            ("the job stays here", on(), Some(yes()), Drawing { stays_here: true, ..drawing() }),
            ("a LoRA is this host's", on(), Some(yes()), Drawing { prompt: "a heron <lora:ink:1>".to_owned(), ..drawing() }),
        ];
        for (number, (what, rules, consent, drawing)) in cases.into_iter().enumerate() {
            let here = Elsewhere::over(world, fake.port(), Setup { rules, ..Setup::of(&[Kind::Replicate]) }).await?;
            let user = here.world.user(&format!("user{number}"), 0).await?;
            if let Some(consent) = consent {
                here.fallback.set_consent(&Actor::user(&user), &consent).await?;
            }
            let asked = here.ask(&user, drawing).await?;
            let worker = here.worker("w");
            let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
            tokio::time::sleep(Duration::from_millis(150)).await;
            working.abort();
            here.world.clock.advance(Duration::from_secs(301));
            here.platform.jobs.sweep().await?;
            let job = here.platform.jobs.get(&user.id, &asked.id).await?;
            assert_eq!((job.state, job.error_code.as_deref()), (JobState::Failed, Some("queue_timeout")), "{what}");
            assert_eq!(here.world.balance(&user.id).await?, (100, 0), "{what}");
            assert_eq!(fake.connections(), 0, "{what}");
            world = here.world;
        }
    }

    async fn what_changes_its_mind_is_asked_again_before_anything_is_sent(database: &Database) {
        let fake = fake(&[Kind::Replicate], serves).await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup::of(&[Kind::Replicate])).await?;
        let ada = here.somebody("ada").await?;
        let asked = here.ask(&ada, drawing()).await?;
        here.fallback.set_consent(&Actor::user(&ada), &Consent::default()).await?;
        let job = here.ended("w", &asked).await?;
        assert_eq!((job.state, job.error_code.as_deref()), (JobState::Failed, Some("provider_unavailable")));
        assert_eq!((fake.connections(), here.world.balance(&ada.id).await?), (0, (100, 0)));
    }

    async fn the_next_provider_is_asked_where_one_is_out_of_order(database: &Database) {
        let fake = fake(&BOTH, |kind, request, port| {
            if kind == Kind::Fal { Reply::Json(503, json!({"detail": "no"})) } else { serves(kind, request, port) }
        })
        .await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup::of(&BOTH)).await?;
        let ada = here.somebody("ada").await?;
        let asked = here.ask(&ada, drawing()).await?;
        let job = here.ended("w", &asked).await?;
        assert_eq!((job.state, job.provider.as_deref()), (JobState::Completed, Some("replicate")));
        assert_eq!((submissions(&fake, Kind::Fal), submissions(&fake, Kind::Replicate)), (3, 1));
        assert_eq!(here.spent(Kind::Fal).await?, (0, 0), "what was certainly not taken on costs nothing");
        assert_eq!(here.world.balance(&ada.id).await?, (99, 0), "never more than was quoted");
        let standings = here.fallback.standings().await?;
        assert_eq!((standings[0].provider.as_str(), &standings[0].failed[..]), ("fal", &[("transient", 1)][..]));
        // Five failures one after the other: its breaker is open, and it is asked no more.
        for _ in 0..6 {
            let asked = here.ask(&ada, drawing()).await?;
            here.ended("w", &asked).await?;
        }
        assert_eq!(here.fallback.standings().await?[0].breaker, "open");
        assert_eq!(submissions(&fake, Kind::Fal), 15);
        let metrics = here.fallback.metrics();
        assert!(metrics.contains("provider_circuit{provider=\"fal\",state=\"open\"} 1"), "{metrics}");
        assert!(metrics.contains("provider_fallback_total{provider=\"replicate\",reason=\"model_missing\"} 7"), "{metrics}");
        // The operator says that it works.
        here.fallback.set_open(&Actor::operator(), "fal", false).await?;
        assert_eq!(here.fallback.standings().await?[0].breaker, "closed");
        here.fallback.set_open(&Actor::operator(), "replicate", true).await?;
        assert_eq!(here.fallback.standings().await?[1].breaker, "locked");
        here.world.assert_clean().await?;
    }

    async fn a_refusal_by_the_rules_ends_it(database: &Database) {
        const KINDS: [Kind; 2] = [Kind::Openai, Kind::Replicate];
        let fake = fake(&KINDS, |kind, request, port| {
            if kind == Kind::Openai { moderation(kind).0.expect("a refusal") } else { serves(kind, request, port) }
        })
        .await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup::of(&KINDS)).await?;
        let ada = here.somebody("ada").await?;
        let asked = here.ask(&ada, drawing()).await?;
        let job = here.ended("w", &asked).await?;
        assert_eq!((job.state, job.error_code.as_deref()), (JobState::Failed, Some("content_policy")));
        assert_eq!((submissions(&fake, Kind::Openai), submissions(&fake, Kind::Replicate)), (1, 0), "nobody else is asked");
        assert_eq!(here.world.balance(&ada.id).await?, (100, 0));
        here.world.assert_clean().await?;
    }

    async fn a_budget_that_is_used_up_is_spent_by_no_node(database: &Database) {
        let fake = fake(&[Kind::Fal], |kind, request, port| {
            // Long enough for the other nodes to have looked too.
            if submits(kind, request) { std::thread::sleep(Duration::from_millis(50)) }
            serves(kind, request, port)
        })
        .await;
        // A square megapixel and a bit of this model is 50,000; there is enough for two.
        let budget = Limit { day: Micros(120_000), month: Micros(10_000_000) };
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup { budget, ..Setup::of(&[Kind::Fal]) }).await?;
        let other = World::at(database.url(), &database.dir(), here.world.context.now(), 2, here.world.jobs.settings().clone()).await?;
        let there = Elsewhere::over(other, fake.port(), Setup { budget, ..Setup::of(&[Kind::Fal]) }).await?;
        let ada = here.somebody("ada").await?;
        let mut asked = Vec::new();
        for _ in 0..6 {
            asked.push(here.ask(&ada, drawing()).await?);
        }
        let workers = [here.worker("one"), there.worker("two")];
        let working = workers.map(|worker| tokio::spawn(async move { worker.run(std::future::pending()).await }));
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            for world in [&here.world, &there.world] {
                world.clock.advance(Duration::from_millis(300));
            }
        }
        working.iter().for_each(tokio::task::JoinHandle::abort);
        let (mut completed, mut failed) = (0, 0);
        for job in &asked {
            match here.platform.jobs.get(&ada.id, &job.id).await? {
                job if job.state == JobState::Completed => completed += 1,
                job if job.error_code.as_deref() == Some("provider_unavailable") => failed += 1,
                job => panic!("{:?} {:?}", job.state, job.error_code),
            }
        }
        assert_eq!((completed, failed, submissions(&fake, Kind::Fal)), (2, 4, 2));
        assert_eq!(here.spent(Kind::Fal).await?, (100_000, 0));
        assert_eq!(here.world.balance(&ada.id).await?, (98, 0));
        here.world.assert_clean().await?;
    }

    async fn a_long_wait_and_a_device_without_memory_are_reasons(database: &Database) {
        let fake = fake(&[Kind::Replicate], serves).await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup::of(&[Kind::Replicate])).await?;
        let ada = here.somebody("ada").await?;
        let asked = here.ask(&ada, Drawing { model: "sim".to_owned(), ..drawing() }).await?;
        here.world.clock.advance(Duration::from_secs(61));
        // Nobody who could draw it took it in time; this node takes it as one that leaves.
        here.engine.pause(true);
        let claimed = here.platform.jobs.claim_leaving("nobody", here.world.context.now(), 5).await?;
        assert_eq!(claimed.len(), 1, "its time has come");
        here.platform.jobs.hand_back("nobody").await?;
        let job = here.ended("w", &asked).await?;
        assert_eq!((job.state, &away(&job)["reason"]), (JobState::Completed, &json!("queue_wait")));
        let sim = SimConfig { rows_max: 0, ..SimConfig::default() };
        let full = Elsewhere::over(here.world, fake.port(), Setup { sim, ..Setup::of(&[Kind::Replicate]) }).await?;
        let asked = full.ask(&ada, Drawing { model: "sim".to_owned(), ..drawing() }).await?;
        let job = full.ended("w", &asked).await?;
        assert_eq!((job.state, &away(&job)["reason"]), (JobState::Completed, &json!("out_of_memory")), "{:?}", job.error_code);
        assert_eq!((submissions(&fake, Kind::Replicate), full.world.balance(&ada.id).await?), (2, (98, 0)));
        full.world.assert_clean().await?;
    }

    async fn without_a_device_others_draw_where_that_is_allowed(database: &Database) {
        let fake = fake(&[Kind::Replicate], serves).await;
        let sim = SimConfig { faults: vec![(Call::Step, 1, Fault::Device)], ..SimConfig::default() };
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup { sim, ..Setup::of(&[Kind::Replicate]) }).await?;
        let (ada, bob) = (here.somebody("ada").await?, here.world.user("bob", 0).await?);
        let here_too = || Drawing { model: "sim".to_owned(), ..drawing() };
        // The device is lost under it.
        let asked = here.ask(&ada, here_too()).await?;
        let job = here.ended("w", &asked).await?;
        assert_eq!((job.state, &away(&job)["reason"]), (JobState::Completed, &json!("engine_failed")), "{:?}", job.error_code);
        for _ in 0..500 {
            if here.engine.status().state == State::Failed {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(here.engine.status().state, State::Failed);
        // From then on nobody waits for it.
        let asked = here.ask(&ada, here_too()).await?;
        let job = here.ended("w", &asked).await?;
        assert_eq!((job.state, &away(&job)["reason"]), (JobState::Completed, &json!("no_device")), "{:?}", job.error_code);
        assert_eq!((submissions(&fake, Kind::Replicate), here.world.balance(&ada.id).await?), (2, (98, 0)));
        // Who has not agreed waits for a device until that is over, and pays nothing.
        let asked = here.ask(&bob, here_too()).await?;
        let worker = here.worker("w");
        let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
        tokio::time::sleep(Duration::from_millis(150)).await;
        working.abort();
        here.world.clock.advance(Duration::from_secs(301));
        here.platform.jobs.sweep().await?;
        let job = here.platform.jobs.get(&bob.id, &asked.id).await?;
        assert_eq!((job.state, job.error_code.as_deref()), (JobState::Failed, Some("queue_timeout")));
        assert_eq!((submissions(&fake, Kind::Replicate), here.world.balance(&bob.id).await?), (2, (100, 0)));
        here.world.assert_clean().await?;
    }

    async fn what_is_left_out_is_agreed_to_and_told(database: &Database) {
        let fake = fake(&[Kind::Replicate], serves).await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup::of(&[Kind::Replicate])).await?;
        let ada = here.somebody("ada").await?;
        let tagged = || Drawing { prompt: "a heron <lora:ink:1>".to_owned(), ..drawing() };
        let quoted = here.fallback.quotes(&ada.id, &tagged()).await?;
        assert!(quoted.is_empty(), "without the LoRA it would be another picture: {quoted:?}");
        let loras = vec![LoraUse { name: "ink".to_owned(), weight: 0.8, text_encoder_weight: 0.8 }];
        let dropped = json!({"change": "dropped", "field": "loras"});
        for drawing in [Drawing { allow_drops: true, ..tagged() }, Drawing { allow_drops: true, loras, ..drawing() }] {
            let quoted = here.fallback.quotes(&ada.id, &drawing).await?;
            assert!(serde_json::to_value(&quoted[0].changes)?.as_array().ok_or("changes")?.contains(&dropped), "{quoted:?}");
            let asked = here.ask(&ada, drawing).await?;
            let job = here.ended("w", &asked).await?;
            let away = away(&job);
            assert_eq!((job.state, away["changes"].as_array().ok_or("changes")?.contains(&dropped)), (JobState::Completed, true), "{away}");
        }
        let sent = fake.asked("POST");
        assert_eq!(sent.len(), 2);
        assert!(sent.iter().all(|request| !request.json().to_string().contains("lora")), "it would be words there");
        // A model that cannot start from a picture, or knows no masks, is no choice at all: that is never left out.
        let from = Drawing { start: Some(Source::Upload("u".to_owned())), allow_drops: true, ..drawing() };
        assert!(here.fallback.quotes(&ada.id, &from).await?.is_empty());
        here.world.assert_clean().await?;
    }

    async fn what_was_begun_is_gone_on_with_and_not_begun_again(database: &Database) {
        let done = Arc::new(AtomicBool::new(false));
        let seen = done.clone();
        let fake = fake(&[Kind::Replicate], move |kind, request, port| {
            if submits(kind, request) || request.path.starts_with("/files/") || seen.load(Ordering::SeqCst) {
                return serves(kind, request, port);
            }
            Reply::ok(polled(kind, &request.path, false, ""))
        })
        .await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup::of(&[Kind::Replicate])).await?;
        let ada = here.somebody("ada").await?;
        let asked = here.ask(&ada, drawing()).await?;
        for name in ["first", "second"] {
            let worker = here.worker(name);
            let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
            let before = fake.connections();
            while fake.connections() < before + 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            working.abort();
            let job = here.platform.jobs.get(&ada.id, &asked.id).await?;
            assert_eq!((job.state, job.provider_task_id.is_some()), (JobState::Processing, true));
            here.world.clock.advance(Duration::from_secs(31));
            assert_eq!(here.platform.jobs.sweep().await?.requeued, 1);
            here.world.clock.advance(Duration::from_secs(10));
        }
        done.store(true, Ordering::SeqCst);
        let job = here.ended("third", &asked).await?;
        assert_eq!((job.state, submissions(&fake, Kind::Replicate)), (JobState::Completed, 1));
        assert_eq!(here.world.balance(&ada.id).await?, (99, 0));
        assert_eq!(here.spent(Kind::Replicate).await?.1, 0);
        here.world.assert_clean().await?;
    }

    async fn what_nobody_can_tell_is_not_paid_by_its_owner_and_counts_as_spent(database: &Database) {
        const KINDS: [Kind; 2] = [Kind::Openai, Kind::Replicate];
        let fake = fake(&KINDS, |kind, request, port| {
            if kind == Kind::Openai { Reply::Silence } else { serves(kind, request, port) }
        })
        .await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup::of(&KINDS)).await?;
        let ada = here.somebody("ada").await?;
        let asked = here.ask(&ada, drawing()).await?;
        let worker = here.worker("first");
        let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
        while fake.connections() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        working.abort();
        here.world.clock.advance(Duration::from_secs(31));
        here.platform.jobs.sweep().await?;
        here.world.clock.advance(Duration::from_secs(10));
        let job = here.ended("second", &asked).await?;
        assert_eq!((job.state, job.error_code.as_deref()), (JobState::Failed, Some("provider_outcome_unknown")));
        assert_eq!((submissions(&fake, Kind::Openai), submissions(&fake, Kind::Replicate)), (1, 0));
        assert_eq!(here.world.balance(&ada.id).await?, (100, 0));
        let (spent, reserved) = here.spent(Kind::Openai).await?;
        assert!(spent > 0 && reserved == 0, "{spent} {reserved}");
        here.world.assert_clean().await?;
    }

    async fn an_order_for_several_is_split_and_each_part_is_kept(database: &Database) {
        let fake = fake(&[Kind::Bfl], serves).await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup::of(&[Kind::Bfl])).await?;
        let ada = here.somebody("ada").await?;
        let asked = here.ask(&ada, Drawing { count: 3, ..drawing() }).await?;
        let job = here.ended("w", &asked).await?;
        assert_eq!((job.state, job.images_delivered), (JobState::Completed, 3), "{:?}", job.error_code);
        let mut indices: Vec<i64> = images::of_job(&here.world.context.db, &job.id).await?.iter().map(|image| image.job_index).collect();
        indices.sort_unstable();
        assert_eq!((indices, submissions(&fake, Kind::Bfl)), (vec![0, 1, 2], 3));
        assert_eq!(here.world.balance(&ada.id).await?, (97, 0));
        here.world.assert_clean().await?;
    }

    async fn a_job_that_is_cancelled_is_cancelled_there(database: &Database) {
        let fake = fake(&[Kind::Replicate], |kind, request, port| {
            if request.path.ends_with("/cancel") {
                return Reply::ok(json!({"id": "x", "status": "canceled"}));
            }
            if submits(kind, request) { serves(kind, request, port) } else { Reply::ok(polled(kind, &request.path, false, "")) }
        })
        .await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup::of(&[Kind::Replicate])).await?;
        let ada = here.somebody("ada").await?;
        let asked = here.ask(&ada, drawing()).await?;
        let worker = here.worker("w");
        let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
        while fake.connections() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        here.platform.jobs.cancel(&ada.id, &asked.id).await?;
        for _ in 0..500 {
            if here.platform.jobs.get(&ada.id, &asked.id).await?.state.is_terminal() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        working.abort();
        assert_eq!(here.platform.jobs.get(&ada.id, &asked.id).await?.state, JobState::Cancelled);
        let cancelled = fake.asked("POST").iter().filter(|request| request.path.ends_with("/cancel")).count();
        assert_eq!((cancelled, here.world.balance(&ada.id).await?), (1, (100, 0)));
        let (spent, reserved) = here.spent(Kind::Replicate).await?;
        assert!(spent > 0 && reserved == 0, "what was taken on may be paid: {spent} {reserved}");
        here.world.assert_clean().await?;
    }
}

fn on() -> Rules {
    Rules { enabled: true, ..Rules::default() }
}

fn yes() -> Consent {
    Consent { allow_external: true, ..Consent::default() }
}
