//! OpenAI's routes and the books: what is delivered is paid, what is not costs nothing, and who has nothing left is told so.

use axum::{
    body::Body,
    http::{Method, Request},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use easel_engine::sim::{Call, Fault, SimConfig};
use easel_imaging::{EncodeOptions, Format, encode};
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use easel_types::Rgb8;
use serde_json::{Value, json};

use crate::common::{
    Answer,
    native::{Native, native_with},
};

fn edit() -> Value {
    let picture = Rgb8::new(64, 64, vec![90; 64 * 64 * Rgb8::CHANNELS]).expect("three bytes a pixel");
    let file = encode(&picture, &EncodeOptions::new(Format::Png)).expect("a file");
    let url = format!("data:image/png;base64,{}", STANDARD.encode(file));
    json!({"prompt": "a red circle", "images": [{"image_url": url}], "response_format": "b64_json", "strength": 0.4})
}

async fn with_api_key(native: &Native, key: &str, body: &Value) -> Answer {
    let request = Request::builder().method(Method::POST).uri("/v1/images/edits").header("host", "easel.test");
    let request = request.header("api-key", key).header("content-type", "application/json");
    native.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

on_both_engines! {
    async fn edits_are_paid_when_they_are_delivered(database: &Database) {
        let sim = SimConfig { faults: vec![(Call::Step, 1, Fault::NonFinite)], ..SimConfig::default() };
        let native = native_with(database, sim).await;
        let (ada, token) = native.somebody("ada", Role::User, "pro").await?;
        let had = native.balance(&ada).await?.0;
        let failed = native.post("/v1/images/edits", &token, edit()).await;
        assert_eq!((failed.status.as_u16(), failed.code().as_str()), (500, "non_finite"));
        assert_eq!(native.balance(&ada).await?, (had, 0));
        let mut two = edit();
        two["n"] = json!(2);
        let answer = native.post("/v1/images/edits", &token, two).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(native.balance(&ada).await?, (had - 2, 0));
        // They are the user's pictures like any others, and the job says what was asked for.
        let images = native.get("/api/v1/images", &token).await.json();
        assert_eq!(images["data"].as_array().map(Vec::len), Some(2));
        let jobs = native.get("/api/v1/jobs", &token).await.json();
        assert_eq!(jobs["data"][0]["request"]["work"]["strength"], 0.4);
        assert!(!jobs.to_string().contains("base64"), "nothing of the picture is kept");
        // A key of the platform, where Azure's clients put it.
        let made = native.post("/api/v1/api-keys", &token, json!({"name": "k", "scopes": ["generate"]})).await.json();
        let key = made["key"].as_str().ok_or("a key")?;
        assert_eq!(with_api_key(&native, key, &edit()).await.status, 200);
        assert_eq!(with_api_key(&native, "ik_000000000000_x", &edit()).await.code(), "invalid_api_key");
        assert_eq!(native.balance(&ada).await?, (had - 3, 0));
        native.assert_clean().await?;
    }

    async fn who_has_nothing_left_is_not_to_ask_again(database: &Database) {
        let native = native_with(database, SimConfig::default()).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let (_, admin) = native.somebody("admin", Role::Admin, "free").await?;
        let left = native.balance(&ada).await?.0;
        let take = json!({"credits": -left, "key": "k", "reason": "a test"});
        native.post(&format!("/api/v1/admin/users/{}/credits", ada.id), &admin, take).await;
        for (path, body) in [("/v1/images/edits", edit()), ("/v1/images/generations", json!({"prompt": "x"}))] {
            let answer = native.post(path, &token, body).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (402, "insufficient_credits"));
            assert_eq!((answer.header("x-should-retry"), &answer.error()["type"]), ("false", &json!("insufficient_quota")));
        }
    }
}
