//! `GET /health/live` and `/health/ready`.

use crate::common::{pretty, server, server_changed, server_over};
use easel_api::{MetricsToken, Services};
use easel_backend::BackendError;
use easel_engine::{
    Engine, EngineConfig,
    sim::{Probe, SimBackend, SimConfig},
};

#[tokio::test]
async fn ready_only_while_requests_are_taken() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (backend, probe) = SimBackend::new(SimConfig::default());
    let factory = move || {
        let _ = held.recv();
        Ok(backend)
    };
    let server = server_over(Engine::start(factory, EngineConfig::default()), probe, |_| {}).await;
    let loading = server.get("/health/ready").await;
    assert_eq!((loading.status.as_u16(), loading.code().as_str()), (503, "model_loading"));
    assert_eq!(loading.header("retry-after"), "5");
    assert_eq!(server.get("/health/live").await.status, 200);
    let early = server.generate(serde_json::json!({"prompt": "x", "model": "sim"})).await;
    assert_eq!((early.status.as_u16(), early.code().as_str()), (503, "model_loading"));

    release.send(()).unwrap();
    server.engine.ready().await.unwrap();
    let ready = server.get("/health/ready").await;
    assert_eq!(ready.status, 200);
    insta::assert_snapshot!(pretty(&ready.json()), @r#"
    {
      "active": 0,
      "backlog_seconds": 0.0,
      "device": "sim",
      "devices_lost": 0,
      "engine": "ready",
      "queued": 0,
      "status": "ok"
    }
    "#);

    server.engine.drain();
    assert_eq!(server.get("/health/ready").await.code(), "shutting_down");
    assert_eq!(server.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn a_failed_engine_is_not_alive() {
    let down = || Err::<SimBackend, _>(BackendError::Device("gone".to_owned()));
    let engine = Engine::start(down, EngineConfig::default());
    engine.stopped().await;
    let server = server_over(engine, Probe::default(), |_| {}).await;
    assert_eq!(server.get("/health/live").await.code(), "engine_failed");
    assert_eq!(server.get("/health/ready").await.code(), "engine_failed");
}

#[tokio::test]
async fn answers_carry_an_id_and_careful_headers() {
    let server = server().await;
    let with_id = |id: &str| {
        let mut request = crate::common::request(axum::http::Method::GET, "/health/live", axum::body::Body::empty());
        request.headers_mut().insert("x-request-id", id.parse().unwrap());
        request
    };
    assert_eq!(server.send(with_id("client-1.2_3")).await.header("x-request-id"), "client-1.2_3");
    for bad in ["a b", "a\tb", &"x".repeat(129), "<script>"] {
        assert!(server.send(with_id(bad)).await.header("x-request-id").starts_with("req_"), "{bad}");
    }
    let answer = server.get("/v1/models").await;
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(answer.header("access-control-allow-origin"), "", "no other site may read answers");
}

#[tokio::test]
async fn metrics_are_there_for_prometheus() {
    let server = server().await;
    assert_eq!(server.generate(serde_json::json!({"prompt": "a cat"})).await.status, 200);
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"), "{:?}", answer.headers);
    let text = String::from_utf8(answer.bytes).unwrap();
    assert!(text.contains("easel_engine_requests_submitted_total 1\n"), "{text}");
    let drawn = "method=\"POST\",route=\"/v1/images/generations\",status=\"200\"";
    for line in [
        format!("http_requests_total{{{drawn}}} 1\n"),
        format!("http_request_duration_seconds_count{{{drawn}}} 1\n"),
        "generation_requests_total{model=\"sim\",mode=\"text_to_image\",provider=\"local\",outcome=\"completed\"} 1\n".to_owned(),
        "# TYPE credits_consumed counter\n".to_owned(),
        "active_users 1\n".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    assert_eq!(text.matches("# EOF").count(), 1);
    assert!(text.ends_with("# EOF\n"), "complete");
    assert!(!text.contains("a cat"), "no prompts");
}

#[tokio::test]
async fn metrics_are_for_whoever_has_their_token_where_there_is_one() {
    let server = server_changed(|config| config.metrics_token = Some(MetricsToken::of("a token")), |_| Services::default()).await;
    let ask = async |authorization: Option<&str>| {
        let mut request = crate::common::request(axum::http::Method::GET, "/metrics", axum::body::Body::empty());
        if let Some(value) = authorization {
            request.headers_mut().insert("authorization", value.parse().unwrap());
        }
        server.send(request).await
    };
    for refused in [None, Some("Bearer another"), Some("Basic YTpi")] {
        let answer = ask(refused).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"), "{refused:?}");
    }
    assert_eq!(ask(Some("Bearer a token")).await.status, 200);
    assert_eq!(server.get("/health/live").await.status, 200, "how it is may be asked by anybody");
}

#[tokio::test]
async fn earlier_addresses_can_be_switched_off() {
    let server = server_changed(|config| config.compat_routes = false, |_| Services::default()).await;
    for path in ["/api/v1/auth/me", "/api/v1/users/profile", "/api/v1/users/usage", "/api/v1/tasks", "/api/v1/generate/history"] {
        assert_eq!(server.get(path).await.code(), "not_found", "{path}");
    }
    let document = server.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/api/v1/jobs") && !paths.keys().any(|path| path.starts_with("/api/v1/tasks")));
    assert_eq!(server.get("/api/v1/users/me").await.status, 200, "addresses of now are there");
    assert_eq!(server.get("/health").await.status, 200);
}

#[tokio::test]
async fn nobody_is_sent_here_while_the_database_is_away() {
    let server = server().await;
    assert_eq!(server.get("/health/ready").await.status, 200);
    server.platform.context.db.close().await;
    let answer = server.get("/health/ready").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "database_unavailable"));
    assert_ne!(answer.header("retry-after"), "");
    assert_eq!(server.get("/health/live").await.status, 200, "starting again would not bring it back");
}

#[tokio::test]
async fn browsers_come_by_https_alone_where_that_is_the_servers_address() {
    let header = "strict-transport-security";
    assert_eq!(server().await.get("/health/live").await.header(header), "");
    let change = |config: &mut easel_api::ApiConfig| config.public_url = Some("https://easel.example".to_owned());
    let server = server_changed(change, |_| Services::default()).await;
    for path in ["/health/live", "/nowhere", "/v1/models"] {
        assert_eq!(server.get(path).await.header(header), "max-age=31536000", "{path}");
    }
}
