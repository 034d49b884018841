//! Pictures of people: set from a file or a stored picture, seen by everybody, gone when they are removed.

use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_imaging::{DecodeLimits, EncodeOptions, Format, decode, encode};
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use easel_types::Rgb8;
use serde_json::{Value, json};

use crate::common::{
    Answer,
    native::{Native, native},
};

const MINE: &str = "/api/v1/users/me/avatar";

fn png(grey: u8) -> Vec<u8> {
    let picture = Rgb8::new(30, 50, vec![grey; 30 * 50 * 3]).expect("a picture");
    let options = EncodeOptions { parameters: Some("a secret place"), ..EncodeOptions::new(Format::Png) };
    encode(&picture, &options).expect("a PNG")
}

async fn send(native: &Native, token: &str, bytes: &[u8]) -> Answer {
    let mut body = b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"me.png\"\r\n\r\n".to_vec();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--x--\r\n");
    let request = Request::builder().method(Method::PUT).uri(MINE).header("host", "easel.test");
    let request = request.header("authorization", format!("Bearer {token}"));
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    native.send(request.body(Body::from(body)).expect("a well-formed request")).await
}

fn side(answer: &Answer) -> (u32, u32) {
    let picture = decode(&answer.bytes, &DecodeLimits::default()).expect("a picture").rgb;
    (picture.width(), picture.height())
}

on_both_engines! {
    async fn a_picture_of_oneself_is_seen_by_everybody(database: &Database) {
        let native = native(database).await;
        let (_, ada) = native.somebody("ada", Role::User, "pro").await?;
        let (_, eve) = native.somebody("eve", Role::User, "pro").await?;
        assert_eq!(native.get("/api/v1/users/me", &ada).await.json()["avatar_url"], Value::Null);
        assert_eq!(native.get("/api/v1/users/ada/avatar", "").await.status, 404);
        let set = send(&native, &ada, &png(40)).await;
        assert_eq!(set.status, 200, "{}", set.json());
        let url = set.json()["avatar_url"].as_str().ok_or("an address")?.to_owned();
        assert_eq!(native.get("/api/v1/users/ada", &eve).await.json()["avatar_url"], json!(url));
        let seen = native.get(&url, "").await;
        assert_eq!((seen.header("content-type"), side(&seen)), ("image/jpeg", (256, 256)));
        assert!(!seen.bytes.windows(8).any(|window| window == b"a secret"));
        for size in [64, 128] {
            assert_eq!(side(&native.get(&format!("/api/v1/users/ada/avatar?size={size}"), &eve).await), (size, size));
        }
        assert_eq!(native.get("/api/v1/users/ada/avatar?size=65", "").await.code(), "invalid_value");
        let known = Request::builder().uri(&url).header("host", "easel.test").header("if-none-match", seen.header("etag"));
        assert_eq!(native.send(known.body(Body::empty())?).await.status, 304);

        // Another one has another address; one that was drawn may be one.
        let job = native.drawn(&ada, json!({"prompt": "a red circle"})).await;
        let source = json!({"from": "image", "id": job["images"][0]["id"]});
        assert_eq!(native.call(Method::PUT, MINE, &eve, Some(source.clone())).await.code(), "not_found");
        let other = native.call(Method::PUT, MINE, &ada, Some(source)).await.json();
        assert_ne!(other["avatar_url"], json!(url));
        assert_eq!(send(&native, &ada, b"<script/>").await.code(), "picture_invalid");
        assert_eq!(native.platform.blobs.usage(Some(easel_blobs::Folder::Avatar)).await?.files, 1);
        for _ in 0..2 {
            assert_eq!(native.delete(MINE, &ada).await.status, 204);
        }
        assert_eq!(native.get("/api/v1/users/ada/avatar", "").await.status, 404);
        assert_eq!(native.platform.blobs.usage(Some(easel_blobs::Folder::Avatar)).await?.files, 0);
        native.assert_clean().await?;
    }
}
