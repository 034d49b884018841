//! Limits on requests over HTTP: what every answer says, what a refusal says, and whom it is about.

use std::{net::SocketAddr, num::NonZeroU32};

use crate::common::{Answer, Server, server_changed, server_with_services};
use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request},
};
use easel_api::{Door, Services};
use easel_platform::limits::{Class, Limits, Rate, Rates, Settings};
use serde_json::json;

/// So many in a time in which no test runs.
fn rate(max: u32) -> Vec<Rate> {
    let some = |number| NonZeroU32::new(number).expect("some");
    vec![Rate { max: some(max), seconds: some(1_000_000) }]
}

async fn server() -> Server {
    server_with_services(|platform| {
        let classes = [
            (Class::Read, Rates { by_ip: rate(30), by_user: rate(4), ..Rates::default() }),
            (Class::Login, Rates { by_ip: rate(3), ..Rates::default() }),
        ];
        let settings = Settings { classes: classes.into(), nodes: NonZeroU32::MIN };
        Services { limits: Some(Limits::new(&platform.context, settings, None)), ..Services::default() }
    })
    .await
}

async fn send(server: &Server, ip: &str, method: Method, path: &str, token: Option<&str>, body: &str) -> Answer {
    let peer: SocketAddr = format!("{ip}:1234").parse().expect("an address");
    let mut request = Request::builder().method(method).uri(path).header("host", "easel.test");
    request = request.header("content-type", "application/json").extension(ConnectInfo(peer));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    server.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

#[tokio::test]
async fn every_answer_says_how_far_it_is_and_a_refusal_when_to_come_again() {
    let server = server().await;
    let guess = json!({ "email": "ada@example.org", "password": "wrong horse" }).to_string();
    for left in [2, 1, 0] {
        let answer = send(&server, "192.0.2.1", Method::POST, "/api/v1/auth/login", None, &guess).await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit-remaining")), (401, left.to_string().as_str()));
        assert_eq!((answer.header("ratelimit-limit"), answer.header("retry-after")), ("3", ""));
    }
    let refused = send(&server, "192.0.2.1", Method::POST, "/api/v1/auth/login", None, &guess).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (429, "rate_limited"));
    let message = refused.error()["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("at most 3 in 1000000 s"), "the limit is named: {message}");
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((333_000..=333_334).contains(&wait), "{wait}");
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    let other = send(&server, "192.0.2.2", Method::POST, "/api/v1/auth/login", None, &guess).await;
    assert_eq!(other.status, 401, "somebody else");
    let read = send(&server, "192.0.2.1", Method::GET, "/openapi.json", None, "").await;
    assert_eq!((read.status.as_u16(), read.header("ratelimit-limit")), (200, "30"), "something else");
    for path in ["/health/live", "/metrics"] {
        let answer = send(&server, "192.0.2.1", Method::GET, path, None, "").await;
        assert_eq!(answer.header("ratelimit-limit"), "", "{path} is for the machine");
    }
}

#[tokio::test]
async fn a_user_is_counted_wherever_they_are() {
    let server = server().await;
    let who = json!({ "email": "ada@example.org", "password": "a long sentence" }).to_string();
    assert!(send(&server, "192.0.2.1", Method::POST, "/api/v1/auth/register", None, &who).await.status.is_success());
    let session = send(&server, "192.0.2.1", Method::POST, "/api/v1/auth/login", None, &who).await.json();
    let token = session["access_token"].as_str().expect("a token");
    for number in 1..=4 {
        let answer = send(&server, &format!("192.0.2.{number}"), Method::GET, "/api/v1/users/me", Some(token), "").await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit-limit")), (200, "4"));
    }
    let refused = send(&server, "192.0.2.9", Method::GET, "/api/v1/users/me", Some(token), "").await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (429, "rate_limited"));
}

#[tokio::test]
async fn behind_a_proxy_that_is_named_each_client_counts_for_itself() {
    let server = server_changed(
        |config| {
            config.door = Door::Accounts;
            config.proxies = "10.0.0.0/8".parse().expect("a network");
        },
        |platform| {
            let classes = [(Class::Read, Rates { by_ip: rate(2), ..Rates::default() })];
            let settings = Settings { classes: classes.into(), nodes: NonZeroU32::MIN };
            Services { limits: Some(Limits::new(&platform.context, settings, None)), ..Services::default() }
        },
    )
    .await;
    let ask = async |peer: &str, forwarded: &str| {
        let peer: SocketAddr = format!("{peer}:1234").parse().expect("an address");
        let request = Request::builder().uri("/openapi.json").header("host", "easel.test").extension(ConnectInfo(peer));
        let request = request.header("x-forwarded-for", forwarded).body(Body::empty()).expect("a request");
        server.send(request).await.status.as_u16()
    };
    for client in ["203.0.113.1", "203.0.113.2"] {
        assert_eq!(
            [ask("10.0.0.1", client).await, ask("10.0.0.2", client).await, ask("10.0.0.1", client).await],
            [200, 200, 429]
        );
    }
    assert_eq!(ask("10.0.0.1", "203.0.113.3, 203.0.113.1").await, 429, "what a client writes itself is not believed");
    for made_up in ["198.51.100.1", "198.51.100.2"] {
        assert_eq!(ask("192.0.2.1", made_up).await, 200);
    }
    assert_eq!(ask("192.0.2.1", "198.51.100.3").await, 429, "who is no proxy counts as itself, whatever it says");
}
