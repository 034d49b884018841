//! From asking for pictures to having them: jobs, what they cost, how far they are, and what happens when they fail.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    common::{
        Answer,
        native::{Native, native, native_with},
    },
    uploads::{picture, png, upload},
};
use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_engine::sim::{Call, Fault, Gate, SimConfig};
use easel_imaging::{DecodeLimits, EncodeOptions, Format, decode, encode_with_alpha};
use easel_platform::{
    records::Role,
    worker::{Worker, WorkerSettings},
};
use easel_testing::on_both_engines;
use easel_types::{Gray8, LoraUse};
use futures_util::StreamExt;
use serde_json::{Value, json};

/// The events of a stream that has ended, each with its name and data.
fn events(answer: &Answer) -> Vec<(String, Value)> {
    let text = String::from_utf8(answer.bytes.clone()).expect("UTF-8");
    let blocks = text.split("\n\n").filter(|block| block.contains("event:"));
    blocks
        .map(|block| {
            let line = |begin: &str| block.lines().find_map(|line| line.strip_prefix(begin)).expect("a line").trim();
            (line("event:").to_owned(), serde_json::from_str(line("data:")).expect("JSON"))
        })
        .collect()
}

async fn with_key(native: &Native, token: &str, key: &str, body: Value) -> Answer {
    let request = Request::builder().method(Method::POST).uri("/api/v1/images/generate").header("host", "easel.test");
    let request = request.header("authorization", format!("Bearer {token}")).header("content-type", "application/json");
    native.send(request.header("idempotency-key", key).body(Body::from(body.to_string())).expect("a request")).await
}

on_both_engines! {
    async fn a_mail_is_for_who_has_proved_their_address(database: &Database) {
        let native = native(database).await;
        let (_, ada) = native.somebody("ada", Role::User, "pro").await?;
        let asked = async |notify: &str| {
            native.post("/api/v1/images/generate", &ada, json!({"prompt": "a cat", "notify": notify})).await
        };
        let refused = asked("email").await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "invalid_value"), "{}", refused.json());
        let unknown = asked("pigeon").await;
        assert_eq!((unknown.status.as_u16(), unknown.error()["param"].as_str()), (400, Some("notify")));
        let job = native.drawn(&ada, json!({"prompt": "a cat"})).await;
        assert_eq!(job["notify"], Value::Null);
    }

    async fn a_picture_from_the_quote_to_the_trash_and_back(database: &Database) {
        let native = native(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let body = json!({"prompt": "a red circle", "n": 2, "seed": 7, "steps": 3, "format": "png"});
        let models = native.get("/api/v1/models", &token).await.json();
        assert_eq!((&models[0]["id"], &models[0]["unit_price"]), (&json!("sim"), &json!("1")));
        let quote = native.post("/api/v1/images/quote", &token, body.clone()).await.json();
        assert_eq!((&quote["unit_price"], &quote["total"], &quote["available"]), (&json!("1"), &json!("2"), &json!("100")));
        assert_eq!(native.balance(&ada).await?, (100, 0), "a quote sets nothing aside");

        let job = native.drawn(&token, body).await;
        assert_eq!((&job["state"], &job["progress"], &job["images_delivered"]), (&json!("completed"), &json!(1.0), &json!(2)));
        assert_eq!(native.balance(&ada).await?, (98, 0));
        let images = job["images"].as_array().ok_or("pictures")?;
        let seeds: Vec<_> = images.iter().map(|image| image["parameters"]["seed"].as_u64()).collect();
        assert_eq!(seeds, [Some(7), Some(8)]);

        let id = images[0]["id"].as_str().ok_or("an id")?;
        let path = format!("/api/v1/images/{id}");
        let file = native.get(&format!("{path}/file"), &token).await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "image/png"));
        assert!(file.header("cache-control").contains("private") && file.header("content-security-policy").contains("sandbox"));
        let decoded = decode(&file.bytes, &DecodeLimits::default())?;
        assert_eq!(i64::from(decoded.rgb.width()), images[0]["width"].as_i64().ok_or("a width")?);
        let again = Request::builder().uri(format!("{path}/file")).header("authorization", format!("Bearer {token}"));
        let again = native.send(again.header("if-none-match", file.header("etag")).body(Body::empty())?).await;
        assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
        let small = native.get(&format!("{path}/thumbnail"), &token).await;
        assert_eq!((small.status.as_u16(), small.header("content-type")), (200, "image/webp"));

        let patched = native.call(Method::PATCH, &path, &token, Some(json!({"title": "mine", "is_favourite": true}))).await;
        assert_eq!((&patched.json()["title"], &patched.json()["is_favourite"]), (&json!("mine"), &json!(true)));
        let count = async |query: &str| {
            let list = native.get(&format!("/api/v1/images{query}"), &token).await;
            assert_eq!(list.status, 200, "{query}: {}", list.json());
            list.json()["data"].as_array().map(Vec::len)
        };
        for (query, expected) in [
            ("", 2), ("?favourite=true", 1), ("?q=CIRCLE", 2), ("?q=square", 0), ("?model=sim", 2), ("?model=other", 0),
            ("?since=2020-01-01T00:00:00Z", 2), ("?until=2020-01-01T00:00:00Z", 0), ("?trashed=true", 0),
        ] {
            assert_eq!(count(query).await, Some(expected), "{query}");
        }
        assert_eq!(native.delete(&path, &token).await.status, 204);
        assert_eq!(native.delete(&path, &token).await.status, 404, "it is not there any more, and stays in the trash");
        assert_eq!((count("").await, count("?trashed=true").await), (Some(1), Some(1)));
        for gone in [&path, &format!("{path}/file"), &format!("{path}/thumbnail")] {
            assert_eq!(native.get(gone, &token).await.status, 404, "{gone}");
        }
        let restore = format!("{path}/restore");
        assert_eq!(native.call(Method::POST, &restore, &token, None).await.status, 204);
        assert_eq!(native.get(&path, &token).await.status, 200);
        native.assert_clean().await?;
    }

    async fn nobody_sees_anothers(database: &Database) {
        let native = native(database).await;
        let (_, ada) = native.somebody("ada", Role::User, "free").await?;
        let (_, eve) = native.somebody("eve", Role::Superuser, "free").await?;
        let job = native.drawn(&ada, json!({"prompt": "a secret"})).await;
        let (job, image) = (job["id"].as_str().ok_or("an id")?, job["images"][0]["id"].as_str().ok_or("an id")?);
        for path in [
            format!("/api/v1/jobs/{job}"), format!("/api/v1/jobs/{job}/events"), format!("/api/v1/images/{image}"),
            format!("/api/v1/images/{image}/file"), format!("/api/v1/images/{image}/thumbnail"),
        ] {
            assert_eq!(native.get(&path, &eve).await.code(), "not_found", "{path}");
            assert_eq!(native.get(&path, "").await.code(), "unauthenticated", "{path}");
        }
        let body = json!({"prompt": "x", "image": {"from": "image", "id": image}});
        assert_eq!(native.post("/api/v1/images/generate", &eve, body).await.code(), "not_found");
        assert_eq!(native.post(&format!("/api/v1/images/{image}/upscale"), &eve, json!({"factor": 2})).await.code(), "not_found");
        assert_eq!(native.post(&format!("/api/v1/jobs/{job}/cancel"), &eve, json!({})).await.code(), "not_found");
        assert_eq!(native.delete(&format!("/api/v1/images/{image}"), &eve).await.code(), "not_found");
        assert_eq!(native.get("/api/v1/images", &eve).await.json()["data"], json!([]));
    }

    async fn the_same_key_is_the_same_job(database: &Database) {
        let native = native(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let body = json!({"prompt": "a red circle"});
        let first = with_key(&native, &token, "k1", body.clone()).await;
        assert_eq!(first.status, 202);
        assert_eq!(first.header("location"), format!("/api/v1/jobs/{}", first.json()["id"].as_str().ok_or("an id")?));
        let again = with_key(&native, &token, "k1", body.clone()).await;
        assert_eq!((again.status.as_u16(), &again.json()["id"]), (202, &first.json()["id"]));
        assert_eq!(again.header("idempotency-replayed"), "true");
        let other = with_key(&native, &token, "k1", json!({"prompt": "a blue square"})).await;
        assert_eq!((other.status.as_u16(), other.code().as_str()), (422, "idempotency_key_reused"));
        assert_eq!(with_key(&native, &token, "a b", body).await.status, 400);
        native.ended(&token, &first.json()).await;
        assert_eq!(native.balance(&ada).await?, (99, 0));
    }

    async fn events_tell_all_of_it(database: &Database) {
        let mut native = native_with(database, SimConfig::default()).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let job = native.post("/api/v1/images/generate", &token, json!({"prompt": "a red circle", "steps": 4})).await.json();
        let path = format!("/api/v1/jobs/{}/events", job["id"].as_str().ok_or("an id")?);
        let (router, bearer) = (native.router.clone(), format!("Bearer {token}"));
        let request = Request::builder().uri(path).header("authorization", bearer).body(Body::empty())?;
        let (parts, body) = tower::ServiceExt::oneshot(router, request).await?.into_parts();
        let mut body = body.into_data_stream();
        // The watcher must have been told how things are before anything happens.
        let mut bytes = body.next().await.ok_or("a first event")??.to_vec();
        native.start_worker();
        while let Some(more) = body.next().await {
            bytes.extend(more?);
        }
        let answer = Answer { status: parts.status, headers: parts.headers, bytes };
        assert_eq!(answer.header("content-type"), "text/event-stream");
        let told = events(&answer);
        let (first, last) = (told.first().ok_or("a first")?, told.last().ok_or("a last")?);
        assert_eq!((first.0.as_str(), &first.1["state"]), ("job", &json!("queued")));
        assert_eq!((last.0.as_str(), &last.1["state"]), ("job", &json!("completed")));
        assert_eq!(last.1["images"].as_array().map(Vec::len), Some(1));
        let kinds: BTreeSet<_> = told.iter().filter_map(|(_, data)| data["type"].as_str()).collect();
        assert!(["started", "step", "preview"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
        let preview = told.iter().find(|(_, data)| data["type"] == "preview").ok_or("a preview")?;
        use base64::Engine;
        let bytes = base64::prelude::BASE64_STANDARD.decode(preview.1["jpeg"].as_str().ok_or("text")?)?;
        assert_eq!(Format::sniff(&bytes), Some(Format::Jpeg));
        // Of a job that has ended there is one thing to tell.
        let late = native.get(&format!("/api/v1/jobs/{}/events", job["id"].as_str().ok_or("an id")?), &token).await;
        assert_eq!(events(&late).len(), 1);
    }

    async fn asking_again_is_cheap(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let job = native.drawn(&token, json!({"prompt": "a red circle"})).await;
        let path = format!("/api/v1/jobs/{}", job["id"].as_str().ok_or("an id")?);
        let first = native.get(&path, &token).await;
        let request = Request::builder().uri(&path).header("authorization", format!("Bearer {token}"));
        let second = native.send(request.header("if-none-match", first.header("etag")).body(Body::empty())?).await;
        assert_eq!((second.status.as_u16(), second.bytes.len()), (304, 0));
        native.drawn(&token, json!({"prompt": "another"})).await;
        let page = native.get("/api/v1/jobs?limit=1", &token).await.json();
        assert_eq!(page["data"][0]["request"]["work"]["prompt"], "another");
        let next = page["next"].as_str().ok_or("more")?;
        let rest = native.get(&format!("/api/v1/jobs?limit=1&cursor={next}"), &token).await.json();
        assert_eq!((&rest["data"][0]["id"], &rest["next"]), (&job["id"], &Value::Null));
        for bad in ["limit=0", "limit=101", "limit=x", "cursor=x", "surprise=1"] {
            assert_eq!(native.get(&format!("/api/v1/jobs?{bad}"), &token).await.status, 400, "{bad}");
        }
    }

    async fn nothing_is_paid_for_nothing(database: &Database) {
        let sim = SimConfig { faults: vec![(Call::Step, 1, Fault::NonFinite)], ..SimConfig::default() };
        let mut native = native_with(database, sim).await;
        native.start_worker();
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let job = native.drawn(&token, json!({"prompt": "a red circle"})).await;
        assert_eq!((&job["state"], &job["images"]), (&json!("failed"), &json!([])));
        assert!(job["error"]["code"].is_string() && !job["error"]["message"].as_str().unwrap_or_default().is_empty(), "{job}");
        assert_eq!(native.balance(&ada).await?, (100, 0));
        let job = native.drawn(&token, json!({"prompt": "a red circle"})).await;
        assert_eq!((&job["state"], native.balance(&ada).await?), (&json!("completed"), (99, 0)));
        native.assert_clean().await?;
    }

    async fn who_has_not_enough_is_told(database: &Database) {
        let native = native(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "basic").await?;
        let (_, admin) = native.somebody("admin", Role::Admin, "free").await?;
        let left = native.balance(&ada).await?.0;
        let take = json!({"credits": 3 - left, "key": "k", "reason": "a test"});
        native.post(&format!("/api/v1/admin/users/{}/credits", ada.id), &admin, take).await;
        let body = json!({"prompt": "x", "n": 1, "quality": "4k"});
        let answer = native.post("/api/v1/images/generate", &token, body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (402, "insufficient_credits"));
        let details = answer.error()["details"].clone();
        assert!(details["needed"].is_string() && details["available"].is_string(), "{details}");
        assert_eq!(answer.json()["error"]["message"], "4 credits are needed and 3 are there");
        assert_eq!(native.get("/api/v1/jobs", &token).await.json()["data"], json!([]), "no job was made");
        assert_eq!(native.balance(&ada).await?, (3, 0));
        let history = native.get("/api/v1/credits/history", &token).await.json();
        assert_eq!(history["data"][0]["kind"], "adjust");
    }

    async fn a_cancelled_job_stops_and_costs_nothing(database: &Database) {
        let gate = Gate::closed();
        let mut native = native_with(database, SimConfig { gate: Some(gate.clone()), ..SimConfig::default() }).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let body = json!({"prompt": "a red circle", "steps": 100});
        let waits = native.post("/api/v1/images/generate", &token, body.clone()).await.json();
        let cancel = |job: &Value| format!("/api/v1/jobs/{}/cancel", job["id"].as_str().expect("an id"));
        let answer = native.call(Method::POST, &cancel(&waits), &token, None).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (202, &json!("cancelled")));

        native.start_worker();
        let runs = native.post("/api/v1/images/generate", &token, body).await.json();
        gate.allow(3);
        let steps = || native.probe.calls().iter().filter(|call| call.starts_with("step")).count();
        while steps() < 3 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let answer = native.call(Method::POST, &cancel(&runs), &token, None).await;
        assert_eq!((&answer.json()["state"], &answer.json()["cancel_requested"]), (&json!("processing"), &json!(true)));
        // Until the job has ended no step is let through.
        let ended = native.ended(&token, &runs).await;
        gate.open();
        assert_eq!(ended["state"], "cancelled");
        while native.probe.slots() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert!(steps() <= 4, "{} steps", steps());
        assert_eq!(native.balance(&ada).await?, (100, 0));
        native.assert_clean().await?;
    }

    async fn what_takes_the_device_too_long_fails_and_costs_nothing(database: &Database) {
        let gate = Gate::closed();
        let native = native_with(database, SimConfig { gate: Some(gate.clone()), ..SimConfig::default() }).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let job = native.post("/api/v1/images/generate", &token, json!({"prompt": "a red circle"})).await.json();
        let settings = WorkerSettings { device_limit: Some(std::time::Duration::from_millis(20)), ..WorkerSettings::new("test") };
        let worker = Worker::new(Arc::clone(&native.platform), native.engine.clone(), settings);
        let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
        // No step is ever let through, so however long it takes, it is over first.
        let ended = native.ended(&token, &job).await;
        gate.open();
        assert_eq!((&ended["state"], &ended["error"]["code"]), (&json!("failed"), &json!("time_limit")), "{ended}");
        assert_eq!(native.balance(&ada).await?, (100, 0));
        working.abort();
    }

    async fn pictures_from_pictures(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "basic").await?;
        let sent = upload(&native, &token, "file", &png(96, 64)).await;
        assert_eq!((sent.status.as_u16(), &sent.json()["width"]), (201, &json!(96)), "{}", sent.json());
        let id = sent.json()["id"].as_str().ok_or("an id")?.to_owned();
        let alpha = Gray8::new(96, 64, (0..96 * 64).map(|i| if i % 96 < 48 { 0 } else { 255 }).collect())?;
        let mask = encode_with_alpha(&picture(96, 64), &alpha, &EncodeOptions::new(Format::Png))?;
        let mask = upload(&native, &token, "file", &mask).await.json()["id"].as_str().ok_or("an id")?.to_owned();

        let start = json!({"from": "upload", "id": id});
        let job = native.drawn(&token, json!({"prompt": "a cat", "image": start, "strength": 0.5})).await;
        assert_eq!((&job["state"], &job["images"][0]["parameters"]["task"]), (&json!("completed"), &json!("image_to_image")), "{job}");
        let edit = json!({"prompt": "a dog", "image": start, "mask": {"from": "upload", "id": mask}});
        let job = native.drawn(&token, edit).await;
        assert_eq!((&job["state"], &job["images"][0]["parameters"]["task"]), (&json!("completed"), &json!("inpaint")), "{job}");
        // The gallery finds them by it.
        assert_eq!(job["images"][0]["mode"], "inpaint", "{job}");
        let image = job["images"][0]["id"].as_str().ok_or("an id")?;
        let width = job["images"][0]["width"].as_i64().ok_or("a width")?;

        let answer = native.post(&format!("/api/v1/images/{image}/variations"), &token, json!({"n": 2})).await;
        let varied = native.ended(&token, &answer.json()).await;
        assert_eq!((&varied["images_delivered"], &varied["images"][0]["prompt"]), (&json!(2), &json!("a dog")));
        let upscale = json!({"upscale": {"image_id": image, "factor": 2}});
        let quote = native.post("/api/v1/images/quote", &token, upscale.clone()).await.json();
        assert_eq!((&quote["model"], &quote["images"], &quote["elsewhere"]), (&json!("upscale"), &json!(1), &json!([])), "{quote}");
        let answer = native.post(&format!("/api/v1/images/{image}/upscale"), &token, json!({"factor": 2})).await;
        assert_eq!(answer.json()["unit_price"], quote["total"], "what was said before the click");
        let larger = native.ended(&token, &answer.json()).await;
        assert_eq!((&larger["images"][0]["width"], &larger["images"][0]["prompt"]), (&json!(2 * width), &json!("a dog")), "{larger}");
        assert_eq!(native.post(&format!("/api/v1/images/{image}/upscale"), &token, json!({"factor": 3})).await.status, 400);
        for (body, param) in [
            (json!({"upscale": {"image_id": image, "factor": 3}}), "factor"),
            (json!({"upscale": {"image_id": image, "factor": "2"}}), "upscale.factor"),
            (json!({"prompt": "a dog", "steps": "many"}), "steps"),
        ] {
            let answer = native.post("/api/v1/images/quote", &token, body).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["error"]["param"]), (400, &json!(param)));
        }
        let (_, eve) = native.somebody("eve", Role::User, "free").await?;
        assert_eq!(native.post("/api/v1/images/quote", &eve, upscale).await.code(), "not_found", "others' pictures have no price");
        let batch = json!({"image_ids": [image, "nothing"], "action": {"upscale": {"factor": 2}}});
        let rows = native.post("/api/v1/images/batch", &token, batch).await.json();
        assert_eq!((rows[0]["error_code"].as_str(), rows[1]["error_code"].as_str()), (None, Some("not_found")), "{rows}");
        let in_batch = native.ended(&token, &rows[0]["job"]).await;
        let batch_key = in_batch["batch_key"].as_str().ok_or("a batch")?;
        assert_eq!((&in_batch["parent_id"], &larger["parent_id"], &varied["parent_id"]), (&job["id"], &job["id"], &job["id"]));
        let numbers = [&job, &varied, &larger, &in_batch].map(|job| job["task_no"].as_i64());
        assert!(numbers.windows(2).all(|pair| pair[0].is_some() && pair[0] < pair[1]), "{numbers:?}");
        let of_batch = native.get(&format!("/api/v1/jobs?batch_key={batch_key}"), &token).await.json();
        assert_eq!((of_batch["data"].as_array().map(Vec::len), &of_batch["data"][0]["id"]), (Some(1), &in_batch["id"]), "{of_batch}");
        let second = native.get("/api/v1/tasks?limit=1&offset=1", &token).await.json();
        assert_eq!((&second["data"][0]["id"], &second["data"][0]["task_no"]), (&larger["id"], &larger["task_no"]), "{second}");
        assert_eq!(native.get("/api/v1/jobs?offset=10001", &token).await.status, 400);

        assert_eq!(native.get("/api/v1/images/uploads", &token).await.json().as_array().map(Vec::len), Some(2));
        assert_eq!(native.delete(&format!("/api/v1/images/uploads/{id}"), &token).await.status, 204);
        let answer = native.post("/api/v1/images/generate", &token, json!({"prompt": "x", "image": start})).await;
        assert_eq!(answer.code(), "not_found");
        native.assert_clean().await?;
    }

    async fn loras_and_controls_are_the_requests_own(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "basic").await?;
        let id = upload(&native, &token, "file", &png(96, 64)).await.json()["id"].as_str().ok_or("an id")?.to_owned();
        let seen = json!({"from": "upload", "id": id});
        let loras = json!([{"name": "ink", "weight": 0.8}, {"name": "oil", "text_encoder_weight": 0.0}]);
        let body = json!({
            "prompt": "a cat", "width": 128, "height": 64, "loras": loras,
            "controls": [{"model": "edges", "image": seen, "end": 0.5}],
        });
        let job = native.drawn(&token, body).await;
        assert_eq!(job["state"], "completed", "{job}");
        let (worn, controls) = native.probe.adapters().pop().ok_or("a picture")?;
        let lora =
            |name: &str, weight, text_encoder_weight| LoraUse { name: name.to_owned(), weight, text_encoder_weight };
        assert_eq!(worn, [lora("ink", 0.8, 0.8), lora("oil", 1.0, 0.0)]);
        let [control] = &controls[..] else { return Err(format!("{} controls", controls.len()).into()) };
        assert_eq!((control.model.as_str(), control.weight, control.start, control.end), ("edges", 1.0, 0.0, 0.5));
        assert_eq!((control.image.width(), control.image.height()), (128, 64), "resized to what is drawn");
        assert_eq!(job["images"][0]["parameters"]["loras"][0]["name"], "ink");
        // Without numbers the picture that is looked at gives the shape.
        let job = native.drawn(&token, json!({"prompt": "x", "controls": [{"model": "edges", "image": seen}]})).await;
        let side = |name: &str| job["images"][0][name].as_u64().unwrap_or(0);
        assert!(side("width") > side("height"), "{job}");

        let control = |change: Value| {
            let mut control = json!({"model": "edges", "image": seen});
            change.as_object().into_iter().flatten().for_each(|(name, value)| control[name] = value.clone());
            json!({"prompt": "x", "controls": [control]})
        };
        for (body, param) in [
            (json!({"prompt": "x", "loras": [{"name": "ink", "weight": 101}]}), "loras"),
            (json!({"prompt": "x", "loras": vec![json!({"name": "ink"}); 33]}), "loras"),
            (control(json!({"weight": 11})), "controls"),
            (control(json!({"start": 0.6, "end": 0.5})), "controls"),
        ] {
            let answer = native.post("/api/v1/images/generate", &token, body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.error()["param"].as_str()), (400, Some(param)), "{body} {}", answer.json());
        }
        let (_, eve) = native.somebody("eve", Role::User, "basic").await?;
        assert_eq!(native.post("/api/v1/images/generate", &eve, control(json!({}))).await.code(), "not_found");
        native.assert_clean().await?;
    }

    async fn what_cannot_be_drawn_is_refused_before_it_is_paid(database: &Database) {
        let native = native(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        for (body, param) in [
            (json!({"prompt": "x", "n": 0}), "n"),
            (json!({"prompt": "x", "n": 11}), "n"),
            (json!({"prompt": "x", "steps": 0}), "num_inference_steps"),
            (json!({"prompt": "x", "width": 63, "height": 64}), "width"),
            (json!({"prompt": "x", "width": 64}), "width"),
            (json!({"prompt": "x", "aspect_ratio": "9:1"}), "aspect_ratio"),
            (json!({"prompt": "x", "sampler": "eular"}), "sampler"),
            (json!({"prompt": "x", "strength": 0.5}), "strength"),
            (json!({"prompt": "x", "mask": {"from": "upload", "id": "x"}}), "mask"),
            (json!({"prompt": "x", "quality": "8k"}), "quality"),
            (json!({"prompt": "x", "compression": 0}), "compression"),
            (json!({"prompt": "x".repeat(10_001)}), "prompt"),
        ] {
            let answer = native.post("/api/v1/images/generate", &token, body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.error()["param"].as_str()), (400, Some(param)), "{body} {}", answer.json());
        }
        let answer = native.post("/api/v1/images/generate", &token, json!({"prompt": "x\0y"})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_value"), "PostgreSQL cannot hold it");
        for path in ["/api/v1/jobs/%00", "/api/v1/images/a%00b/file", "/api/v1/jobs/%ff"] {
            assert_eq!(native.get(path, &token).await.code(), "not_found", "{path}");
        }
        let nul = json!({"image_ids": ["a\0b"], "action": {"upscale": {"factor": 2}}});
        assert_eq!(native.post("/api/v1/images/batch", &token, nul).await.json()[0]["error_code"], "not_found");
        let answer = native.post("/api/v1/images/generate", &token, json!({"prompt": "x", "model": "no/such"})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "model_not_found"));
        assert_eq!(native.balance(&ada).await?, (100, 0));
        assert_eq!(native.get("/api/v1/jobs", &token).await.json()["data"], json!([]));
    }

    async fn openais_route_pays_for_what_it_delivers(database: &Database) {
        let native = native_with(database, SimConfig::default()).await;
        let (ada, token) = native.somebody("ada", Role::User, "pro").await?;
        let before = native.balance(&ada).await?.0;
        let key = native.post("/api/v1/api-keys", &token, json!({"name": "sdk", "scopes": ["generate"]})).await.json();
        let key = key["key"].as_str().ok_or("a key")?;
        let body = json!({"prompt": "a cat", "n": 2, "response_format": "b64_json"});
        assert_eq!(native.post("/v1/images/generations", "", body.clone()).await.code(), "unauthenticated");
        let answer = native.post("/v1/images/generations", key, body).await;
        assert_eq!((answer.status.as_u16(), answer.json()["data"].as_array().map(Vec::len)), (200, Some(2)), "{}", answer.json());
        assert_eq!(native.balance(&ada).await?, (before - 2, 0));
        let streamed = native.post("/v1/images/generations", key, json!({"prompt": "a dog", "stream": true})).await;
        assert!(String::from_utf8(streamed.bytes)?.contains("image_generation.completed"));
        assert_eq!(native.balance(&ada).await?, (before - 3, 0));
        let list = native.get("/api/v1/images", &token).await.json();
        assert_eq!(list["data"].as_array().map(Vec::len), Some(3), "they are in the gallery too");
        let keys = native.get("/api/v1/api-keys", &token).await.json();
        assert_eq!((&keys[0]["jobs_this_month"], &keys[0]["credits_this_month"]), (&json!(2), &json!("3")), "{keys}");
        native.assert_clean().await?;
    }
}
