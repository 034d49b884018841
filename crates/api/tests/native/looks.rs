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
use easel_imaging::{EncodeOptions, Format, encode};
use easel_outbound::{Client, Policy};
use easel_platform::{
    records::Role,
    safety::{CheckerKey, CheckerSettings, HttpChecker, Language, Looks},
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
    let policy = Policy { internal_hosts: vec![receiver.address.to_string().parse()?], ..Policy::default() };
    let settings = CheckerSettings {
        url: receiver.url("/v1/"),
        language: Language::Openai { model: "looker".to_owned() },
        key: Some(CheckerKey::new("sk-canary")),
        time_limit: Duration::from_secs(600),
    };
    let looks = Looks::new(Arc::new(HttpChecker::new(Client::new(policy)?, settings)?), keeps_unseen);
    Ok(native_changed(database, |settings| settings.looks = Some(looks)).await)
}

async fn upload(native: &Native, token: &str) -> Answer {
    let picture = Rgb8::new(64, 64, vec![90; 64 * 64 * 3]).expect("three bytes a pixel");
    let mut body = b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n".to_vec();
    body.extend(encode(&picture, &EncodeOptions::new(Format::Png)).expect("a file"));
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
    }
}
