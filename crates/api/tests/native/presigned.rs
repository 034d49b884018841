//! Pictures that are sent to an address: the address is for these bytes alone, once, for an hour; and what came is judged like any other.

use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_imaging::{EncodeOptions, Format, encode};
use easel_platform::{accounts::Actor, records::Role};
use easel_testing::on_both_engines;
use easel_types::Rgb8;
use serde_json::{Value, json};

use crate::common::{
    Answer,
    native::{Native, Outcome, native, native_with},
};

fn png(width: u32, height: u32) -> Vec<u8> {
    let pixels = (0..width * height * 3).map(|at| (at % 251) as u8).collect();
    let picture = Rgb8::new(width, height, pixels).expect("a picture");
    let options = EncodeOptions { parameters: Some("a secret place"), ..EncodeOptions::new(Format::Png) };
    encode(&picture, &options).expect("a PNG")
}

async fn presign(native: &Native, token: &str, size: usize) -> Value {
    let body = json!({"content_type": "image/png", "size": size});
    let answer = native.post("/api/v1/images/upload/presign", token, body).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    answer.json()
}

/// What follows the host.
fn path_of(url: &str) -> String {
    let rest = url.strip_prefix("http://easel.test").unwrap_or_else(|| panic!("{url} is elsewhere"));
    rest.to_owned()
}

/// Without any credentials.
async fn put(native: &Native, path: &str, kind: &str, bytes: &[u8]) -> Answer {
    let request = Request::builder().method(Method::PUT).uri(path).header("host", "easel.test").header("content-type", kind);
    native.send(request.body(Body::from(bytes.to_vec())).expect("a well-formed request")).await
}

async fn complete(native: &Native, token: &str, made: &Value) -> Answer {
    let path = made["complete_url"].as_str().expect("a path");
    native.call(Method::POST, path, token, None).await
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code));
}

on_both_engines! {
    async fn a_picture_is_sent_to_an_address_and_drawn_from(database: &Database) {
        let native = native(database).await;
        let (_, ada) = native.somebody("ada", Role::User, "pro").await?;
        let (_, eve) = native.somebody("eve", Role::User, "pro").await?;
        let sent = png(96, 64);
        let made = presign(&native, &ada, sent.len()).await;
        assert_eq!((&made["method"], &made["headers"]), (&json!("PUT"), &json!({"content-type": "image/png"})));
        let path = path_of(made["url"].as_str().ok_or("an address")?);
        refused(&complete(&native, &ada, &made).await, 409, "upload_not_arrived");
        let from = json!({"prompt": "a cat", "image": {"from": "upload", "id": made["id"]}});
        refused(&native.post("/api/v1/images/generate", &ada, from.clone()).await, 404, "not_found");

        assert_eq!(put(&native, &path, "image/png", &sent).await.status, 204);
        refused(&native.post("/api/v1/images/generate", &ada, from.clone()).await, 404, "not_found");
        refused(&put(&native, &path, "image/png", &sent).await, 409, "upload_arrived");
        refused(&complete(&native, &eve, &made).await, 404, "not_found");
        let done = complete(&native, &ada, &made).await;
        assert_eq!((done.status.as_u16(), &done.json()["id"], &done.json()["width"]), (201, &made["id"], &json!(96)));
        assert_eq!(complete(&native, &ada, &made).await.json(), done.json(), "asked for twice, made once");
        assert_eq!(native.get("/api/v1/images/uploads", &ada).await.json().as_array().map(Vec::len), Some(1));
        refused(&put(&native, &path, "image/png", &sent).await, 403, "address_invalid");
        let job = native.drawn(&ada, from).await;
        assert_eq!(job["state"], "completed", "{job}");

        // Of the file nothing is kept but its pixels, and nothing lies where it was sent.
        let usage = |folder| native.platform.blobs.usage(Some(folder));
        assert_eq!(usage(easel_blobs::Folder::Temp).await?.files, 0);
        let user = native.platform.accounts.get(&native_id(&native, &ada).await?).await?;
        let upload = native.platform.images.get_upload(&user.id, made["id"].as_str().ok_or("an id")?).await?;
        let kept = native.platform.blobs.read_all(&upload.storage_key.parse()?, 1 << 20).await?;
        assert!(!kept.windows(8).any(|window| window == b"a secret"), "what was written in it is gone");
        native.assert_clean().await?;
    }

    async fn an_address_is_for_these_bytes_alone(database: &Database) {
        let native = native_with(database, easel_engine::sim::SimConfig::default()).await;
        let (_, ada) = native.somebody("ada", Role::User, "pro").await?;
        let sent = png(16, 16);
        let path = path_of(presign(&native, &ada, sent.len()).await["url"].as_str().ok_or("an address")?);
        let changed = |from: &str, to: &str| path.replacen(from, to, 1);
        for other in [
            changed("signature=", "signature=0"),
            changed(&format!("size={}", sent.len()), "size=1000000"),
            changed("/temp/", "/output/"),
            changed("expires=", "expires=9"),
            path.split('?').next().unwrap_or_default().to_owned(),
            "/api/v1/files/../../etc/passwd".to_owned(),
            "/api/v1/files/%00".to_owned(),
        ] {
            let answer = put(&native, &other, "image/png", &sent).await;
            assert!([403, 404].contains(&answer.status.as_u16()), "{other}: {}", answer.status);
        }
        refused(&put(&native, &path, "image/jpeg", &sent).await, 415, "unsupported_media_type");
        refused(&put(&native, &path, "image/png", &[&sent[..], b"x"].concat()).await, 413, "body_too_large");
        refused(&put(&native, &path, "image/png", &sent[1..]).await, 400, "invalid_value");
        assert_eq!(native.platform.blobs.usage(None).await?.files, 0, "nothing was kept of all that");
        assert_eq!(put(&native, &path, "image/png", &sent).await.status, 204);
    }

    async fn what_is_no_picture_is_removed(database: &Database) {
        let native = native_with(database, easel_engine::sim::SimConfig::default()).await;
        let (_, ada) = native.somebody("ada", Role::User, "pro").await?;
        let made = presign(&native, &ada, 9).await;
        assert_eq!(put(&native, &path_of(made["url"].as_str().ok_or("an address")?), "image/png", b"<script/>").await.status, 204);
        refused(&complete(&native, &ada, &made).await, 422, "picture_invalid");
        refused(&complete(&native, &ada, &made).await, 404, "not_found");
        assert_eq!(native.platform.blobs.usage(None).await?.files, 0);
        for size in [0_u64, 1 << 40] {
            let body = json!({"content_type": "image/png", "size": size});
            refused(&native.post("/api/v1/images/upload/presign", &ada, body).await, 400, "invalid_value");
        }
        let body = json!({"content_type": "text/html", "size": 5});
        refused(&native.post("/api/v1/images/upload/presign", &ada, body).await, 400, "invalid_value");
    }

    async fn there_is_room_for_what_is_awaited_too(database: &Database) {
        let native = native_with(database, easel_engine::sim::SimConfig::default()).await;
        let (user, ada) = native.somebody("ada", Role::User, "pro").await?;
        for _ in 0..100 {
            presign(&native, &ada, 10).await;
        }
        let body = json!({"content_type": "image/png", "size": 10});
        refused(&native.post("/api/v1/images/upload/presign", &ada, body).await, 403, "too_many_uploads");
        // Nobody waits for what nobody sends.
        let later = native.platform.context.now().after(std::time::Duration::from_secs(1));
        assert_eq!(native.platform.privacy.remove_awaited(Some(&user.id), later).await?, 100);
        presign(&native, &ada, 10).await;
        native.platform.privacy.request_erasure(&Actor::user(&user), &user.id).await?;
    }
}

async fn native_id(native: &Native, token: &str) -> Outcome<String> {
    Ok(native.get("/api/v1/users/me", token).await.json()["id"].as_str().ok_or("an id")?.to_owned())
}
