//! Pictures that somebody looks at before they are kept: what is not taken is neither kept nor paid, and nobody publishes what was not seen.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{Method, Request},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use easel_imaging::{EncodeOptions, Format, encode};
use easel_outbound::{Client, Policy};
use easel_platform::{
    PlatformSettings,
    keyring::ServerKey,
    records::Role,
    safety::{CheckerSettings, Filter, HttpChecker, Language, Looks, Mode},
};
use easel_testing::{Database, on_both_engines};
use easel_types::Rgb8;
use serde_json::{Value, json};

use crate::{
    common::{
        Answer,
        native::{Native, Outcome, native_changed},
    },
    receiver::{Answer as Said, Receiver, json as said, status},
};

fn says(flagged: bool) -> Said {
    let categories = json!({ "sexual": flagged, "violence": false });
    said(&json!({ "results": [{ "flagged": flagged, "categories": categories, "category_scores": { "sexual": 0.9 } }] }))
}

async fn native(database: &Database, receiver: &Receiver, keeps_unseen: bool) -> Outcome<Native> {
    native_in(database, receiver, keeps_unseen, Mode::Block).await
}

async fn native_in(database: &Database, receiver: &Receiver, keeps_unseen: bool, mode: Mode) -> Outcome<Native> {
    let policy = Policy { internal_hosts: vec![receiver.address.to_string().parse()?], ..Policy::default() };
    let settings = CheckerSettings {
        url: receiver.url("/v1/"),
        language: Language::Openai { model: "looker".to_owned() },
        key: Some(ServerKey::new("sk-canary")),
        time_limit: Duration::from_secs(600),
    };
    let looks = Looks::new(Arc::new(HttpChecker::new(Client::new(policy)?, settings)?), keeps_unseen);
    let change = |settings: &mut PlatformSettings| {
        (settings.looks, settings.filter) = (Some(looks), Some(Filter::embedded().with_mode(mode)));
    };
    Ok(native_changed(database, change).await)
}

fn file() -> Vec<u8> {
    let picture = Rgb8::new(64, 64, vec![90; 64 * 64 * 3]).expect("three bytes a pixel");
    encode(&picture, &EncodeOptions::new(Format::Png)).expect("a file")
}

fn data_url() -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(file()))
}

/// Requests of A1111's clients that bring pictures: to draw over, to look at, to enlarge.
fn of_a1111() -> [(&'static str, Value); 3] {
    let unit = json!({"model": "edges", "image": data_url()});
    [
        ("/sdapi/v1/img2img", json!({"init_images": [data_url()], "prompt": "a cat", "steps": 4, "width": 64, "height": 64})),
        ("/sdapi/v1/txt2img", json!({"prompt": "a cat", "steps": 4, "alwayson_scripts": {"ControlNet": {"args": [unit]}}})),
        ("/sdapi/v1/extra-single-image", json!({"upscaler_1": "Lanczos", "upscaling_resize": 2, "image": data_url()})),
    ]
}

async fn upload(native: &Native, token: &str) -> Answer {
    let mut body = b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n".to_vec();
    body.extend(file());
    body.extend_from_slice(b"\r\n--x--\r\n");
    let request = Request::builder().method(Method::POST).uri("/api/v1/images/upload").header("host", "easel.test");
    let request = request.header("authorization", format!("Bearer {token}"));
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    native.send(request.body(Body::from(body)).expect("a request")).await
}

on_both_engines! {
    async fn a_picture_that_is_not_taken_is_neither_kept_nor_paid(database: &Database) {
        // Of all that come, the first is not taken.
        let count = AtomicUsize::new(0);
        let receiver = Receiver::start(move |_| says(count.fetch_add(1, Ordering::SeqCst) == 0)).await;
        let native = native(database, &receiver, false).await?;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let job = native.drawn(&token, json!({"prompt": "a red circle", "n": 2})).await;
        let images = job["images"].as_array().ok_or("pictures")?;
        assert_eq!((&job["state"], &job["images_delivered"], images.len()), (&json!("completed"), &json!(1), 1), "{job}");
        assert_eq!(images[0]["index"], json!(1), "the other one");
        assert_eq!(images[0]["cost"], json!("1"));
        assert!(images[0]["generation_ms"].as_i64().is_some_and(|ms| ms >= 0), "{job}");
        assert_eq!(native.balance(&ada).await?, (99, 0), "what is kept is paid");
        let sent = receiver.received().remove(0);
        assert_eq!((sent.target.as_str(), sent.headers["authorization"].as_str()), ("/v1/moderations", "Bearer sk-canary"));
        let asked: Value = serde_json::from_str(&sent.body)?;
        let url = asked["input"][0]["image_url"]["url"].as_str().ok_or("a picture")?;
        assert!(asked["model"] == "looker" && url.starts_with("data:image/webp;base64,UklGR"), "{}", asked["model"]);
        assert!(!sent.body.contains("red circle") && !sent.body.contains(&ada.id), "nothing of who and what");
        let (_, admin) = native.somebody("admin", Role::Admin, "pro").await?;
        let found = native.get("/api/v1/admin/findings", &admin).await.json()["data"][0].clone();
        assert_eq!((&found["category"], &found["decision"], &found["job_id"]), (&json!("sexual"), &json!("refuse"), &job["id"]));
        let record = native.get("/api/v1/admin/audit", &admin).await.json();
        let rows = record["data"].as_array().ok_or("rows")?;
        let row = rows.iter().find(|row| row["action"] == "picture.look").ok_or("a row")?;
        assert_eq!(row["detail"]["sha256"].as_str().map(str::len), Some(64), "its hash is what is left of it");
        native.assert_clean().await?;
    }

    async fn where_none_is_taken_the_job_fails_and_nothing_that_is_sent_is_kept(database: &Database) {
        let receiver = Receiver::start(|_| says(true)).await;
        let native = native(database, &receiver, false).await?;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let job = native.drawn(&token, json!({"prompt": "a red circle", "n": 2})).await;
        assert_eq!((&job["state"], &job["error"]["code"]), (&json!("failed"), &json!("content_blocked")), "{job}");
        assert_eq!(job["attempt"], json!(1), "drawing it again would be no better");
        let answer = native.post("/v1/images/generations", &token, json!({"prompt": "a red circle"})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "content_blocked"));
        let answer = upload(&native, &token).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "content_blocked"));
        assert_eq!(native.get("/api/v1/images/uploads", &token).await.json(), json!([]));
        assert_eq!(native.get("/api/v1/images", &token).await.json()["data"], json!([]));
        // What is drawn while its client waits is given up behind the answer.
        let mut left = native.balance(&ada).await?;
        for _ in 0..300 {
            if left == (100, 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            left = native.balance(&ada).await?;
        }
        assert_eq!(left, (100, 0), "nothing was paid");
    }

    async fn what_comes_with_a_request_is_looked_at_before_anything_is_drawn_from_it(database: &Database) {
        let receiver = Receiver::start(|_| says(true)).await;
        let native = native(database, &receiver, false).await?;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let control = json!([{"model": "edges", "image": data_url()}]);
        for (path, body) in [
            ("/v1/images/edits", json!({"prompt": "a red circle", "images": [{"image_url": data_url()}]})),
            ("/v1/images/variations", json!({"image": data_url()})),
            ("/v1/images/generations", json!({"prompt": "a red circle", "controlnet": control})),
        ] {
            let answer = native.post(path, &token, body).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "content_blocked"), "{path}");
            assert_eq!(answer.error()["details"]["category"], json!("sexual"), "{path}");
        }
        for (path, body) in of_a1111() {
            let answer = native.post(path, &token, body).await;
            let told = answer.json();
            assert_eq!((answer.status.as_u16(), &told["code"]), (400, &json!("content_blocked")), "{path}: {told}");
            assert_eq!(told["error"], json!("HTTPException"), "{path}: {told}");
        }
        assert!(native.probe.tasks().is_empty(), "nothing was drawn");
        assert_eq!(native.balance(&ada).await?, (100, 0), "nothing was set aside");
        assert_eq!(native.get("/api/v1/jobs", &token).await.json()["data"], json!([]));
        let (_, admin) = native.somebody("admin", Role::Admin, "pro").await?;
        let found = native.get("/api/v1/admin/findings", &admin).await.json();
        let found = found["data"].as_array().ok_or("findings")?;
        assert_eq!((found.len(), receiver.received().len()), (6, 6), "each is looked at once");
        assert!(found.iter().all(|found| found["decision"] == "refuse" && found["job_id"].is_null()), "{found:?}");
    }

    async fn masks_are_looked_at_as_well(database: &Database) {
        let count = AtomicUsize::new(0);
        let receiver = Receiver::start(move |_| says(count.fetch_add(1, Ordering::SeqCst) % 2 == 1)).await;
        let native = native(database, &receiver, false).await?;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let edit = json!({"prompt": "a red circle", "images": [{"image_url": data_url()}], "mask": data_url()});
        let answer = native.post("/v1/images/edits", &token, edit).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "content_blocked"));
        let inpaint = json!({
            "init_images": [data_url()], "mask": data_url(), "prompt": "a cat", "steps": 4, "width": 64, "height": 64,
        });
        let answer = native.post("/sdapi/v1/img2img", &token, inpaint).await;
        // There the mask is read first.
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (400, &json!("content_blocked")));
        assert_eq!(receiver.received().len(), 4);
    }

    async fn what_is_only_flagged_is_drawn_from(database: &Database) {
        let receiver = Receiver::start(|_| says(true)).await;
        let native = native_in(database, &receiver, false, Mode::Flag).await?;
        let (_, token) = native.somebody("ada", Role::User, "pro").await?;
        let edit = json!({"prompt": "a red circle", "images": [{"image_url": data_url()}], "response_format": "b64_json"});
        let answer = native.post("/v1/images/edits", &token, edit).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let (path, body) = of_a1111()[0].clone();
        let answer = native.post(path, &token, body).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let (_, admin) = native.somebody("admin", Role::Admin, "pro").await?;
        let found = native.get("/api/v1/admin/findings", &admin).await.json();
        let found = found["data"].as_array().ok_or("findings")?;
        let sent = found.iter().filter(|found| found["job_id"].is_null() && found["decision"] == "flag").count();
        assert_eq!((sent, found.len()), (2, 4), "what was sent, and what was drawn: {found:?}");
    }

    async fn nobody_looks_where_it_is_off(database: &Database) {
        let receiver = Receiver::start(|_| says(true)).await;
        let native = native_in(database, &receiver, false, Mode::Off).await?;
        let (_, token) = native.somebody("ada", Role::User, "pro").await?;
        let (path, body) = of_a1111()[0].clone();
        let answer = native.post(path, &token, body).await;
        assert_eq!((answer.status.as_u16(), receiver.received().len()), (200, 0));
    }

    async fn what_nobody_could_look_at_is_not_published(database: &Database) {
        let receiver = Receiver::start(|_| status(500)).await;
        let native = native(database, &receiver, true).await?;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let job = native.drawn(&token, json!({"prompt": "a red circle"})).await;
        let image = &job["images"][0];
        assert_eq!((&job["state"], &image["parameters"]["unseen"]), (&json!("completed"), &json!(true)), "{job}");
        let publish = format!("/api/v1/images/{}/public", image["id"].as_str().ok_or("an id")?);
        let answer = native.call(Method::POST, &publish, &token, None).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "content_blocked"));
        let share = format!("/api/v1/images/{}/share", image["id"].as_str().ok_or("an id")?);
        let answer = native.post(&share, &token, json!({})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "forbidden"), "nor shown by a link");
    }

    async fn what_nobody_could_look_at_is_not_kept_where_the_operator_says_so(database: &Database) {
        let receiver = Receiver::start(|_| status(500)).await;
        let native = native(database, &receiver, false).await?;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let answer = upload(&native, &token).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "safety_unavailable"));
        assert_eq!(native.get("/api/v1/images/uploads", &token).await.json(), json!([]));
        let (path, body) = of_a1111()[0].clone();
        let answer = native.post(path, &token, body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &json!("safety_unavailable")));
    }
}
