//! Whatever goes wrong, the answer is OpenAI's error with all four keys.

use std::time::Duration;

use crate::common::{pretty, request, server, server_over, server_with};
use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_backend::BackendError;
use easel_engine::{
    Engine, EngineConfig,
    scheduler::Rules,
    sim::{Call, Fault, Gate, SimBackend, SimConfig},
};
use easel_types::GenerationRequest;
use serde_json::json;

#[tokio::test]
async fn wrong_fields_are_named() {
    let server = server().await;
    let cases = [
        (json!({}), "missing_required_parameter", "prompt"),
        (json!({"prompt": null}), "missing_required_parameter", "prompt"),
        (json!({"prompt": 5}), "invalid_type", "prompt"),
        (json!({"prompt": "x".repeat(10_001)}), "prompt_too_long", "prompt"),
        (json!({"prompt": "x", "n": 0}), "out_of_range", "n"),
        (json!({"prompt": "x", "n": 11}), "out_of_range", "n"),
        (json!({"prompt": "x", "n": 1.5}), "invalid_type", "n"),
        (json!({"prompt": "x", "n": [1]}), "invalid_type", "n"),
        (json!({"prompt": "x", "size": "big"}), "invalid_size", "size"),
        (json!({"prompt": "x", "size": "100x128"}), "invalid_size", "width"),
        (json!({"prompt": "x", "size": "8x128"}), "invalid_size", "width"),
        (json!({"prompt": "x", "size": "99999999999x1"}), "invalid_size", "size"),
        (json!({"prompt": "x", "width": -64}), "out_of_range", "width"),
        (json!({"prompt": "x", "response_format": "file"}), "invalid_value", "response_format"),
        (json!({"prompt": "x", "output_format": "gif"}), "invalid_value", "output_format"),
        (json!({"prompt": "x", "output_compression": 101}), "out_of_range", "output_compression"),
        (json!({"prompt": "x", "partial_images": 4}), "out_of_range", "partial_images"),
        (json!({"prompt": "x", "stream": "maybe"}), "invalid_type", "stream"),
        (json!({"prompt": "x", "seed": -2}), "out_of_range", "seed"),
        (json!({"prompt": "x", "seed": 1e300}), "invalid_type", "seed"),
        (json!({"prompt": "x", "steps": 0}), "out_of_range", "num_inference_steps"),
        (json!({"prompt": "x", "steps": 201}), "out_of_range", "num_inference_steps"),
        (json!({"prompt": "x", "cfg_scale": 51}), "out_of_range", "guidance_scale"),
        (json!({"prompt": "x", "guidance_scale": "NaN"}), "invalid_type", "guidance_scale"),
        (json!({"prompt": "x", "sampler": "eular"}), "invalid_value", "sampler"),
        (json!({"prompt": "x", "scheduler": "karas"}), "invalid_value", "schedule"),
        (json!({"prompt": "x", "user": {}}), "invalid_type", "user"),
        (json!({"prompt": "x", "quality": "best"}), "invalid_value", "quality"),
        (json!({"prompt": "x", "style": "baroque"}), "invalid_value", "style"),
        (json!({"prompt": "x", "moderation": "none"}), "invalid_value", "moderation"),
        (json!({"prompt": "x", "background": "transparent"}), "unsupported_value", "background"),
        (json!({"prompt": "x", "background": "blue"}), "invalid_value", "background"),
        (json!({"prompt": "x", "strength": 0.5}), "unsupported_parameter", "strength"),
        (json!({"prompt": "x", "strength": "much"}), "invalid_type", "strength"),
        (json!({"prompt": "x", "image_url": "https://example.org/a.png"}), "unsupported_parameter", "image_url"),
        (json!({"prompt": "x", "ref_images": ["aGk="]}), "unsupported_parameter", "ref_images"),
        (json!({"prompt": "x", "images": [{"image_url": "data:image/png;base64,aGk="}]}), "unsupported_parameter", "images"),
    ];
    for (body, code, param) in cases {
        let answer = server.generate(body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        let error = answer.error();
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(param)), "{body}: {error}");
        assert_eq!(error["type"], "invalid_request_error");
    }
    insta::assert_snapshot!(pretty(&server.generate(json!({"prompt": "x", "n": "many"})).await.json()), @r#"
    {
      "error": {
        "code": "invalid_type",
        "message": "`n` must be an integer, got \"many\"",
        "param": "n",
        "type": "invalid_request_error"
      }
    }
    "#);
}

#[tokio::test]
async fn malformed_json_says_where() {
    let server = server().await;
    let answer = server.post("/v1/images/generations", "{\"prompt\": \"x\",\n \"n\": }").await;
    assert_eq!(answer.status, 400);
    insta::assert_snapshot!(pretty(&answer.json()), @r#"
    {
      "error": {
        "code": "invalid_json",
        "message": "the body is not valid JSON: expected value at line 2 column 7",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
    for body in ["", "[]", "null", "\"x\"", "{", "{}{}"] {
        assert_eq!(server.post("/v1/images/generations", body).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn addresses_methods_types_and_sizes() {
    let server = server().await;
    assert_eq!(server.get("/v1/nothing").await.code(), "not_found");
    assert_eq!(server.get("/v1/images/files/../../etc/passwd").await.status, 404);
    let answer = server.get("/v1/images/generations").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (405, "method_not_allowed"));
    assert_eq!(answer.header("allow"), "POST");

    for content_type in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data; boundary=x")]
    {
        let builder = Request::builder().method(Method::POST).uri("/v1/images/generations").header("host", "easel.test");
        let builder = if let Some(value) = content_type { builder.header("content-type", value) } else { builder };
        let answer = server.send(builder.body(Body::from("{\"prompt\": \"x\"}")).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (415, "unsupported_media_type"), "{content_type:?}");
    }
    let mut with_charset = request(Method::POST, "/v1/images/generations", Body::from("{\"prompt\": \"x\"}"));
    with_charset.headers_mut().insert("content-type", "Application/JSON; charset=utf-8".parse().unwrap());
    assert_eq!(server.send(with_charset).await.status, 200);

    let answer = server.post("/v1/images/generations", " ".repeat(1024 * 1024 + 1)).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server =
        server_with(SimConfig::default(), EngineConfig::default(), |config| config.body_timeout = Duration::from_millis(50))
            .await;
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let answer = server.send(request(Method::POST, "/v1/images/generations", never)).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (408, "body_timeout"));
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let gate = Gate::closed();
    let sim = SimConfig { gate: Some(gate.clone()), ..SimConfig::default() };
    let server =
        server_with(sim, EngineConfig { rules: Rules { queue_max: 1, ..Rules::default() }, ..EngineConfig::default() }, |_| {})
            .await;
    let _drawn = server.engine.submit(GenerationRequest::text_to_image("one")).unwrap();
    // In its step: what comes now waits. Between its start and its step another would still be taken up.
    while gate.waiting() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let _waiting = server.engine.submit(GenerationRequest::text_to_image("two")).unwrap();
    let answer = server.generate(json!({"prompt": "three"})).await;
    // First of all: a server that has something under way does not end.
    gate.open();
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "queue_full"));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.error()["type"], "server_error");
}

#[tokio::test]
async fn what_fails_in_the_engine_is_told_without_internals() {
    for (fault, status, code, final_answer) in [
        (Fault::OutOfMemory, 500, "out_of_memory", "false"),
        (Fault::NonFinite, 500, "non_finite", "false"),
        (Fault::Panic, 500, "internal_error", ""),
        (Fault::Device, 503, "device_failed", ""),
    ] {
        let sim = SimConfig { faults: vec![(Call::Step, 2, fault)], ..SimConfig::default() };
        let server = server_with(sim, EngineConfig::default(), |_| {}).await;
        let answer = server.generate(json!({"prompt": "x"})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code));
        assert_eq!(answer.header("x-should-retry"), final_answer, "{code}");
        assert!(!answer.error().to_string().contains("as planned"), "internals stay inside");
    }
}

#[tokio::test]
async fn a_failure_inside_a_stream_is_an_error_event_and_the_end() {
    let sim = SimConfig { faults: vec![(Call::Step, 2, Fault::NonFinite)], ..SimConfig::default() };
    let server = server_with(sim, EngineConfig::default(), |_| {}).await;
    let answer = server.generate(json!({"prompt": "x", "stream": true})).await;
    assert_eq!(answer.status, 200);
    let text = String::from_utf8(answer.bytes).unwrap();
    let data = text.trim().strip_prefix("data: ").unwrap();
    let error: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(error["error"]["code"], "non_finite");
}

#[tokio::test]
async fn a_picture_that_takes_too_long_is_given_up() {
    let sim = SimConfig { gate: Some(Gate::closed()), ..SimConfig::default() };
    let server = server_with(sim, EngineConfig::default(), |config| config.generation_timeout = Duration::from_millis(50)).await;
    let answer = server.generate(json!({"prompt": "x"})).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (504, "timeout"));
    let answer = server.generate(json!({"prompt": "x", "stream": true})).await;
    assert!(String::from_utf8(answer.bytes).unwrap().contains("\"code\":\"timeout\""));
}

#[tokio::test]
async fn without_an_engine_nothing_is_promised() {
    let down = || Err::<SimBackend, _>(BackendError::Device("secret path".to_owned()));
    let engine = Engine::start(down, EngineConfig::default());
    engine.stopped().await;
    let server = server_over(engine, easel_engine::sim::Probe::default(), |_| {}).await;
    let answer = server.generate(json!({"prompt": "x"})).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "engine_failed"));
    assert!(!answer.header("retry-after").is_empty());
    assert!(!answer.error().to_string().contains("secret"));
}
