//! `GET /v1/images/files/{name}`: pictures by URL.

use crate::common::{request, server, server_with};
use axum::{body::Body, http::Method};
use easel_engine::{EngineConfig, sim::SimConfig, sim::picture};
use easel_imaging::{DecodeLimits, decode};
use serde_json::json;

#[tokio::test]
async fn a_picture_is_served_for_an_hour_and_then_gone() {
    let server = server().await;
    let answer = server.generate(json!({"prompt": "a cat", "seed": 3, "output_format": "webp"})).await;
    let url = answer.json()["data"][0]["url"].as_str().expect("a URL").to_owned();
    assert!(answer.json()["data"][0].get("b64_json").is_none());
    let path = url.strip_prefix("http://easel.test:8080").expect("the host the client called");
    assert!(path.starts_with("/v1/images/files/") && path.ends_with(".webp") && path.len() > 17 + 32);

    server.wait(60);
    let file = server.get(path).await;
    assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "image/webp"));
    assert_eq!(file.header("cache-control"), "private, max-age=3540, immutable");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert!(file.header("content-security-policy").contains("sandbox"));
    assert_eq!(decode(&file.bytes, &DecodeLimits::default()).unwrap().rgb, picture(3, 128, 128));
    let head = server.send(request(Method::HEAD, path, Body::empty())).await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));

    server.wait(3540);
    let file = server.get(path).await;
    assert_eq!((file.status.as_u16(), file.code().as_str()), (404, "file_not_found"));
}

#[tokio::test]
async fn a_configured_address_goes_before_the_host() {
    let change = |config: &mut easel_api::ApiConfig| config.public_url = Some("https://img.example/easel/".to_owned());
    let server = server_with(SimConfig::default(), EngineConfig::default(), change).await;
    let answer = server.generate(json!({"prompt": "a cat"})).await;
    let url = answer.json()["data"][0]["url"].as_str().expect("a URL").to_owned();
    assert!(url.starts_with("https://img.example/easel/v1/images/files/"), "{url}");
}

#[tokio::test]
async fn a_host_that_is_none_is_refused_before_work_is_done() {
    let server = server().await;
    for host in ["evil.example/path", "a b", "x@y", ""] {
        let mut request = request(Method::POST, "/v1/images/generations", Body::from("{\"prompt\": \"x\"}"));
        request.headers_mut().insert("host", host.parse().unwrap());
        let answer = server.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_host"), "{host}");
    }
    assert_eq!(server.probe.calls(), ["load sim"]);
}

#[tokio::test]
async fn names_that_are_not_ours_are_not_found() {
    let server = server().await;
    for name in ["x", "..%2f..%2fetc%2fpasswd", "%ff", "%00", &"0".repeat(32), &format!("{}.png", "0".repeat(32))] {
        let answer = server.get(&format!("/v1/images/files/{name}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "file_not_found"), "{name}");
    }
}
