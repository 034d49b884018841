//! Progress, interrupt and skip: of the caller, and of nobody else.

use std::{sync::Arc, time::Duration};

use axum::http::Method;
use easel_engine::sim::{Gate, SimConfig};
use easel_platform::{
    bus::{Carrier, PostgresRelay},
    records::Role,
};
use easel_testing::on_both_engines;
use serde_json::{Value, json};

use crate::{
    common::native::{Native, native_with},
    support::{TXT2IMG, files, info},
};

const PROGRESS: &str = "/sdapi/v1/progress";

/// Draws on a task of its own.
fn begin(native: &Arc<Native>, token: &str, body: Value) -> tokio::task::JoinHandle<Value> {
    let (native, token) = (Arc::clone(native), token.to_owned());
    tokio::spawn(async move { native.ok(TXT2IMG, &token, body).await })
}

/// Waits until progress says so.
async fn until(native: &Native, token: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1000 {
        let progress = native.read(PROGRESS, token).await;
        if wanted(&progress) {
            return progress;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{}", native.read(PROGRESS, token).await);
}

fn idle() -> Value {
    json!({
        "progress": 0.0, "eta_relative": 0.0, "current_image": null, "textinfo": null, "current_task": null,
        "state": {
            "skipped": false, "interrupted": false, "stopping_generation": false, "job": "", "job_count": 0, "job_timestamp": "0",
            "job_no": 0, "sampling_step": 0, "sampling_steps": 0,
        },
    })
}

async fn gated(database: &easel_testing::Database) -> (Arc<Native>, Gate) {
    let gate = Gate::closed();
    let native = native_with(database, SimConfig { gate: Some(gate.clone()), ..SimConfig::default() }).await;
    (Arc::new(native), gate)
}

/// This node and the others tell each other.
async fn joined(native: &Native) -> Option<Carrier> {
    let platform = &native.platform;
    let relay = PostgresRelay::new(platform.context.db.clone())?;
    let mut carrier = platform.jobs.bus().carry(&platform.context, Arc::new(relay));
    carrier.connected().await;
    Some(carrier)
}

#[test]
fn what_one_node_draws_is_seen_and_left_from_another() {
    easel_testing::run_story(easel_testing::Engine::Postgres, async |database| {
        let (one, gate) = gated(database).await;
        let another = native_with(database, SimConfig::default()).await;
        let _joined = (joined(&one).await.ok_or("a relay")?, joined(&another).await.ok_or("a relay")?);
        let (user, ada) = one.somebody("ada", Role::User, "free").await?;
        let (_, eve) = one.somebody("eve", Role::User, "free").await?;
        let body =
            json!({"prompt": "x", "steps": 4, "width": 64, "height": 64, "seed": 1, "n_iter": 3, "force_task_id": "task(a)"});
        let drawing = begin(&one, &ada, body);
        gate.allow(6);
        until(&one, &ada, |progress| progress["state"]["job_no"] == 1 && progress["state"]["sampling_step"] == 2).await;
        let far = until(&another, &ada, |progress| progress["state"]["sampling_step"] == 2).await;
        assert_eq!(
            (&far["state"]["job_no"], &far["state"]["job_count"], &far["state"]["sampling_steps"]),
            (&json!(1), &json!(3), &json!(4))
        );
        assert_eq!(
            (&far["progress"], &far["current_task"], &far["current_image"]),
            (&json!(0.5), &json!("task(a)"), &json!(null))
        );
        assert_eq!(another.read("/internal/pending-tasks", &ada).await, json!({"size": 1, "tasks": ["task(a)"]}));
        assert_eq!(another.read(PROGRESS, &eve).await, idle(), "of others nothing is told");
        // What is said first is heard first: when the skip has come, the interruption by another had no effect.
        another.call(Method::POST, "/sdapi/v1/interrupt", &eve, None).await;
        another.call(Method::POST, "/sdapi/v1/skip", &ada, None).await;
        let seen = until(&one, &ada, |progress| progress["state"]["job_no"] == 2).await;
        assert_eq!(seen["state"]["interrupted"], false, "by another");
        another.call(Method::POST, "/sdapi/v1/interrupt", &ada, None).await;
        until(&one, &ada, |progress| progress["state"]["interrupted"] == true).await;
        gate.open();
        let answer = drawing.await?;
        assert_eq!((files(&answer).len(), &info(&answer)["all_seeds"]), (1, &json!([1])));
        until(&another, &ada, |progress| *progress == idle()).await;
        assert_eq!(one.balance(&user).await?, (99, 0));
        one.assert_clean().await?;
        Ok(())
    });
}

on_both_engines! {
    async fn progress_is_the_callers_own(database: &Database) {
        let (native, gate) = gated(database).await;
        let (_, ada) = native.somebody("ada", Role::User, "free").await?;
        let (_, eve) = native.somebody("eve", Role::User, "free").await?;
        assert_eq!(native.read(PROGRESS, &ada).await, idle());
        let body = json!({"prompt": "x", "steps": 8, "width": 64, "height": 64, "force_task_id": "task(ada)"});
        let drawing = begin(&native, &ada, body);
        gate.allow(4);
        let seen = until(&native, &ada, |progress| progress["state"]["sampling_step"] == 4).await;
        assert_eq!((&seen["progress"], &seen["state"]["sampling_steps"], &seen["state"]["job_count"]), (&json!(0.5), &json!(8), &json!(1)));
        assert_eq!(seen["current_task"], "task(ada)");
        assert!(seen["current_image"].is_string(), "{seen}");
        let without = native.read("/sdapi/v1/progress?skip_current_image=true", &ada).await;
        assert_eq!((&without["current_image"], &without["progress"]), (&json!(null), &json!(0.5)));
        assert_eq!(native.read(PROGRESS, &eve).await, idle(), "of others nothing is told");
        let named = |id: &str| json!({"id_task": id, "id_live_preview": -1, "live_preview": true});
        let twin = native.ok("/internal/progress", &ada, named("task(ada)")).await;
        assert_eq!((&twin["active"], &twin["completed"], &twin["progress"]), (&json!(true), &json!(false), &json!(0.5)));
        assert!(twin["live_preview"].as_str().is_some_and(|preview| preview.starts_with("data:image/png;base64,")));
        assert_eq!(native.ok("/internal/progress", &eve, named("task(ada)")).await["active"], false);
        assert_eq!(native.read("/internal/pending-tasks", &ada).await, json!({"size": 1, "tasks": ["task(ada)"]}));
        gate.open();
        assert_eq!(files(&drawing.await?).len(), 1);
        assert_eq!(native.read(PROGRESS, &ada).await, idle());
        assert_eq!(native.ok("/internal/progress", &ada, named("task(ada)")).await["completed"], true);
    }

    async fn an_interruption_leaves_ones_own_and_pays_for_what_was_made(database: &Database) {
        let (native, gate) = gated(database).await;
        let (ada_user, ada) = native.somebody("ada", Role::User, "free").await?;
        let (eve_user, eve) = native.somebody("eve", Role::User, "free").await?;
        let body = json!({"prompt": "x", "steps": 4, "width": 64, "height": 64, "seed": 1, "n_iter": 3});
        let drawing = begin(&native, &ada, body);
        // The whole first round, and a part of the second.
        gate.allow(6);
        until(&native, &ada, |progress| progress["state"]["job_no"] == 1 && progress["state"]["sampling_step"] == 2).await;
        let answer = native.call(Method::POST, "/sdapi/v1/interrupt", &eve, None).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
        assert_eq!(native.read(PROGRESS, &ada).await["state"]["interrupted"], false, "by another");
        native.call(Method::POST, "/sdapi/v1/interrupt", &ada, None).await;
        gate.open();
        let answer = drawing.await?;
        assert_eq!((files(&answer).len(), &info(&answer)["all_seeds"]), (1, &json!([1])));
        assert_eq!((native.balance(&ada_user).await?, native.balance(&eve_user).await?), ((99, 0), (100, 0)));
        native.assert_clean().await?;
    }

    async fn what_is_interrupted_at_once_costs_nothing(database: &Database) {
        let (native, gate) = gated(database).await;
        let (user, ada) = native.somebody("ada", Role::User, "free").await?;
        let drawing = begin(&native, &ada, json!({"prompt": "x", "steps": 4, "width": 64, "height": 64}));
        gate.allow(1);
        until(&native, &ada, |progress| progress["state"]["sampling_step"] == 1).await;
        native.call(Method::POST, "/sdapi/v1/interrupt", &ada, None).await;
        gate.open();
        assert_eq!(drawing.await?["images"], json!([]));
        // It is given up when nobody waits for it any more.
        for _ in 0..400 {
            if native.balance(&user).await? == (100, 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(native.balance(&user).await?, (100, 0));
        native.assert_clean().await?;
    }

    async fn a_skip_goes_on_with_the_next_round(database: &Database) {
        let (native, gate) = gated(database).await;
        let (user, ada) = native.somebody("ada", Role::User, "free").await?;
        let drawing = begin(&native, &ada, json!({"prompt": "x", "steps": 4, "width": 64, "height": 64, "seed": 1, "n_iter": 2}));
        gate.allow(2);
        until(&native, &ada, |progress| progress["state"]["sampling_step"] == 2).await;
        let answer = native.call(Method::POST, "/sdapi/v1/skip", &ada, None).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!(null)));
        gate.open();
        assert_eq!(info(&drawing.await?)["all_seeds"], json!([2]));
        assert_eq!(native.balance(&user).await?, (99, 0));
        native.assert_clean().await?;
    }

    async fn a_client_that_goes_away_stops_its_request(database: &Database) {
        let (native, gate) = gated(database).await;
        let (user, ada) = native.somebody("ada", Role::User, "free").await?;
        let drawing = begin(&native, &ada, json!({"prompt": "x", "steps": 50, "width": 64, "height": 64, "n_iter": 2}));
        gate.allow(2);
        until(&native, &ada, |progress| progress["state"]["sampling_step"] == 2).await;
        drawing.abort();
        assert!(drawing.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(native.read(PROGRESS, &ada).await, idle());
        gate.open();
        for _ in 0..400 {
            if native.balance(&user).await? == (100, 0) && native.probe.slots() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!((native.balance(&user).await?, native.probe.slots()), ((100, 0), 0));
        let steps = native.probe.calls().iter().filter(|call| call.starts_with("step")).count();
        assert!(steps < 10, "{steps} steps for nobody");
        native.assert_clean().await?;
    }
}
