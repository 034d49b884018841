//! Webhooks over HTTP: made, shown once, tried, taken away; and nobody else's.

use crate::common::{Answer, Server, server_with_services};
use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_api::Services;
use easel_outbound::{Client, Policy};
use easel_platform::{SystemSecrets, keyring::Keyring, webhooks};
use serde_json::{Value, json};

async fn server() -> Server {
    server_with_services(|platform| {
        let policy = Policy { internal_hosts: vec!["127.0.0.1:9".parse().expect("a host")], ..Policy::default() };
        let client = Client::new(policy).expect("a client");
        let ring = Keyring::generate(&SystemSecrets);
        let webhooks = webhooks::Webhooks::new(platform.context.clone(), ring, client, webhooks::Settings::default());
        Services { webhooks: Some(webhooks), ..Services::default() }
    })
    .await
}

async fn register(server: &Server, name: &str) -> String {
    let who = json!({ "email": format!("{name}@example.org"), "password": "a long sentence" });
    let answer = server.post("/api/v1/auth/register", who.to_string()).await;
    assert!(answer.status.is_success(), "{:?}", answer.json());
    let answer = server.post("/api/v1/auth/login", who.to_string()).await;
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

async fn send(server: &Server, token: &str, method: Method, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(path).header("host", "easel.test");
    let request = request.header("content-type", "application/json").header("authorization", format!("Bearer {token}"));
    server.send(request.body(Body::from(if body.is_null() { String::new() } else { body.to_string() })).expect("a request")).await
}

#[tokio::test]
async fn an_endpoint_is_its_owners_from_beginning_to_end() {
    let server = server().await;
    let (ada, bob) = (register(&server, "ada").await, register(&server, "bob").await);
    let body = json!({ "url": "http://127.0.0.1:9/hook", "description": "mine", "events": ["job.completed"] });
    let made = send(&server, &ada, Method::POST, "/api/v1/webhooks", body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let (secret, id) = (made.json()["secret"].clone(), made.json()["webhook"]["id"].as_str().expect("an id").to_owned());
    assert!(secret.as_str().is_some_and(|secret| secret.starts_with("whsec_")));
    let path = format!("/api/v1/webhooks/{id}");
    let shown = send(&server, &ada, Method::GET, &path, Value::Null).await;
    assert_eq!((shown.json()["events"].clone(), shown.json()["enabled"].clone()), (json!(["job.completed"]), json!(true)));
    assert!(!String::from_utf8_lossy(&shown.bytes).contains("whsec_"), "shown once");
    let rotated = send(&server, &ada, Method::POST, &format!("{path}/secret"), Value::Null).await;
    assert_ne!(rotated.json()["secret"], secret);
    let tested = send(&server, &ada, Method::POST, &format!("{path}/test"), Value::Null).await;
    assert_eq!((tested.status.as_u16(), tested.json()["state"].clone()), (202, json!("pending")));
    let all = send(&server, &ada, Method::GET, &format!("{path}/deliveries?limit=5"), Value::Null).await;
    assert_eq!(all.json().as_array().map(Vec::len), Some(1));
    assert_eq!(
        send(&server, &ada, Method::POST, &format!("{path}/disable"), Value::Null).await.json()["disabled_reason"],
        "owner"
    );
    let delivery = all.json()[0]["id"].as_str().expect("an id").to_owned();
    let resend = format!("{path}/deliveries/{delivery}/resend");
    assert_eq!(send(&server, &ada, Method::POST, &resend, Value::Null).await.status, 403, "disabled");
    assert_eq!(send(&server, &ada, Method::POST, &format!("{path}/enable"), Value::Null).await.json()["enabled"], true);
    assert_eq!(send(&server, &ada, Method::POST, &resend, Value::Null).await.status, 202);

    for (method, path, body) in [
        (Method::GET, path.clone(), Value::Null),
        (Method::PUT, path.clone(), body.clone()),
        (Method::DELETE, path.clone(), Value::Null),
        (Method::POST, format!("{path}/secret"), Value::Null),
        (Method::POST, format!("{path}/test"), Value::Null),
        (Method::POST, format!("{path}/disable"), Value::Null),
        (Method::GET, format!("{path}/deliveries"), Value::Null),
        (Method::POST, resend.clone(), Value::Null),
    ] {
        let answer = send(&server, &bob, method.clone(), &path, body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{method} {path}");
    }
    assert_eq!(send(&server, &bob, Method::GET, "/api/v1/webhooks", Value::Null).await.json(), json!([]));
    assert_eq!(send(&server, &ada, Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(send(&server, &ada, Method::GET, &path, Value::Null).await.status, 404);
}

#[tokio::test]
async fn addresses_and_events_are_judged() {
    let server = server().await;
    let ada = register(&server, "ada").await;
    for (body, status, code) in [
        (json!({ "url": "https://127.0.0.1/" }), 400, "url_not_allowed"),
        (json!({ "url": "https://169.254.169.254/latest/meta-data" }), 400, "url_not_allowed"),
        (json!({ "url": "ftp://example.com/" }), 400, "url_not_allowed"),
        (json!({ "url": "http://127.0.0.1:9/", "events": ["job.exploded"] }), 400, "invalid_value"),
        (json!({ "url": "http://127.0.0.1:9/", "secret": "mine" }), 400, "invalid_value"),
    ] {
        let answer = send(&server, &ada, Method::POST, "/api/v1/webhooks", body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{body}");
    }
    let without = crate::common::server().await;
    let token = register(&without, "ada").await;
    assert_eq!(send(&without, &token, Method::GET, "/api/v1/webhooks", Value::Null).await.status, 404, "where nothing is set up");
}
