//! Pictures that are sent to be started from: one, several at once, and what is none.

use crate::common::{
    Answer,
    native::{Native, native, native_with},
};
use axum::{
    body::{Body, Bytes},
    http::{Method, Request},
};
use easel_engine::sim::SimConfig;
use easel_imaging::{EncodeOptions, Format, encode};
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use easel_types::Rgb8;
use serde_json::{Value, json};

/// One file, behind a field that says nothing.
pub async fn upload(native: &Native, token: &str, part: &str, bytes: &[u8]) -> Answer {
    let note = (part_head("note", None), b"x".as_slice());
    send(native, token, &[note, (part_head(part, Some("a.png")), bytes)]).await
}

/// Several files in one form, by their names.
async fn upload_several(native: &Native, token: &str, files: &[(&str, Vec<u8>)]) -> Answer {
    let parts: Vec<_> = files.iter().map(|(name, bytes)| (part_head("files", Some(name)), bytes.as_slice())).collect();
    send(native, token, &parts).await
}

fn part_head(part: &str, file: Option<&str>) -> String {
    let file = file.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
    format!("--b\r\ncontent-disposition: form-data; name=\"{part}\"{file}\r\n\r\n")
}

async fn send(native: &Native, token: &str, parts: &[(String, &[u8])]) -> Answer {
    let mut body = Vec::new();
    for (head, bytes) in parts {
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    let request = Request::builder().method(Method::POST).uri("/api/v1/images/upload").header("host", "easel.test");
    let request = request.header("authorization", format!("Bearer {token}"));
    native
        .send(request.header("content-type", "multipart/form-data; boundary=b").body(Body::from(body)).expect("a request"))
        .await
}

/// Colours that no rule of encoding makes small.
pub fn picture(width: u32, height: u32) -> Rgb8 {
    let pixels = (0..width * height).flat_map(|i| [(i % 251) as u8, (i % 241) as u8, (i % 239) as u8]).collect();
    Rgb8::new(width, height, pixels).expect("three bytes a pixel")
}

/// The same as a file.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    encode(&picture(width, height), &EncodeOptions::new(Format::Png)).expect("a file")
}

on_both_engines! {
    async fn of_several_files_the_good_ones_are_taken_in(database: &Database) {
        let native = native_with(database, SimConfig::default()).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let mut files = vec![("a.png", png(64, 48)), ("b.txt", b"no picture".to_vec()), ("c.png", vec![0; 10 * 1024 * 1024 + 1])];
        files.extend([("d.png", png(48, 64)), ("e.png", png(64, 64)), ("f.png", png(32, 32))]);
        let answer = upload_several(&native, &token, &files).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let rows = answer.json()["files"].as_array().ok_or("rows")?.clone();
        let told: Vec<_> = rows.iter().map(|row| (row["name"].as_str(), row["error"]["code"].as_str())).collect();
        assert_eq!(told, [
            (Some("a.png"), None),
            (Some("b.txt"), Some("picture_invalid")),
            (Some("c.png"), Some("body_too_large")),
            (Some("d.png"), None),
            (Some("e.png"), None),
            (Some("f.png"), Some("too_many_files")),
        ]);
        assert_eq!((&rows[0]["upload"]["width"], &rows[1]["upload"]), (&json!(64), &Value::Null));
        let kept = native.get("/api/v1/images/uploads", &token).await.json();
        assert_eq!(kept.as_array().ok_or("a list")?.len(), 3, "{kept}");
        assert_eq!(upload_several(&native, &token, &[]).await.status, 400);
    }

    async fn what_is_sent_is_looked_at(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        for (part, bytes, status, code) in [
            ("file", Bytes::from_static(b"no picture"), 422, "picture_invalid"),
            ("file", Bytes::new(), 422, "picture_invalid"),
            ("file", Bytes::from(png(64, 64)).slice(..100), 422, "picture_invalid"),
            ("file", Bytes::from(vec![0; 11 << 20]), 413, "body_too_large"),
            ("other", Bytes::from(png(64, 64)), 400, "missing_required_parameter"),
        ] {
            let answer = upload(&native, &token, part, &bytes).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code));
        }
        let answer = native.post("/api/v1/images/upload", &token, json!({})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_body"), "an address is missing");
        let request = Request::builder().method(Method::POST).uri("/api/v1/images/upload").header("host", "easel.test");
        let request = request.header("authorization", format!("Bearer {token}")).header("content-type", "image/png");
        let answer = native.send(request.body(Body::from(png(64, 64))).expect("a request")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (415, "unsupported_media_type"));
        native.assert_clean().await?;
    }
}
