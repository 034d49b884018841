//! How each service answers, in the shapes that its documentation records.

use base64::{Engine, engine::general_purpose::STANDARD};
use easel_providers::Kind;
use serde_json::{Value, json};

use super::{Received, Reply, accounts::hosts, png};

pub const TASK: &str = "task-0f1e2d";

fn picture() -> String {
    STANDARD.encode(png())
}

/// Where the service's pictures lie here.
pub fn picture_url(kind: Kind, port: u16) -> String {
    format!("http://{}:{port}/files/out.png?token=signed", hosts(kind).1)
}

pub fn is_async(kind: Kind) -> bool {
    matches!(kind, Kind::Replicate | Kind::Fal | Kind::Bfl)
}

/// Whether a request hands work in.
pub fn submits(kind: Kind, request: &Received) -> bool {
    request.method == "POST" && !request.path.ends_with("/cancel") && (kind != Kind::Fal || !request.path.contains("/requests/"))
}

/// What is answered to a submission that is accepted.
pub fn accepted(kind: Kind, port: u16) -> Value {
    let base = super::accounts::base(kind, port);
    match kind {
        Kind::Openai | Kind::OpenaiCompatible => json!({"created": 1_713_833_628, "data": [{"b64_json": picture()}]}),
        Kind::Together => {
            json!({"id": "oE", "model": "m", "object": "list", "data": [{"index": 0, "type": "b64_json", "b64_json": picture()}]})
        }
        Kind::Stability => json!({"image": picture(), "finish_reason": "SUCCESS", "seed": 42}),
        Kind::Gemini => json!({"candidates": [{"content": {"parts": [
            {"text": "Here it is."}, {"inlineData": {"mimeType": "image/png", "data": picture()}}]}, "finishReason": "STOP"}]}),
        Kind::Imagen => json!({"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": picture()}]}),
        Kind::Replicate => json!({"id": TASK, "status": "starting", "output": null, "error": null,
            "urls": {"get": format!("{base}/predictions/{TASK}"), "cancel": format!("{base}/predictions/{TASK}/cancel")}}),
        Kind::Fal => json!({"request_id": TASK, "status": "IN_QUEUE", "queue_position": 0}),
        Kind::Bfl => json!({"id": TASK, "polling_url": format!("{base}/get_result?id={TASK}")}),
    }
}

/// What is answered to a question: still at it, or done.
pub fn polled(kind: Kind, path: &str, done: bool, url: &str) -> Value {
    match (kind, done) {
        (Kind::Replicate, false) => json!({"id": TASK, "status": "processing", "output": null}),
        (Kind::Replicate, true) => json!({"id": TASK, "status": "succeeded", "output": [url]}),
        (Kind::Fal, false) => json!({"status": "IN_PROGRESS", "request_id": TASK}),
        (Kind::Fal, true) if path.ends_with("/status") => json!({"status": "COMPLETED", "request_id": TASK}),
        (Kind::Fal, true) => json!({"images": [{"url": url, "width": 1024, "height": 1024, "content_type": "image/png"}],
            "seed": 42, "has_nsfw_concepts": [false]}),
        (Kind::Bfl, false) => json!({"id": TASK, "status": "Pending", "progress": 0.5, "result": null}),
        (Kind::Bfl, true) => json!({"id": TASK, "status": "Ready", "result": {"sample": url, "seed": 42}}),
        _ => panic!("{kind} has no tasks"),
    }
}

/// How each says that it is asked too much, and what hint is in it.
pub fn too_much(kind: Kind) -> (Reply, u64) {
    let with = |headers: &str, body: Value| Reply::With(429, headers.into(), body.to_string().into_bytes());
    match kind {
        Kind::Openai | Kind::OpenaiCompatible | Kind::Together => (
            with(
                "retry-after-ms: 7000\r\nx-request-id: req-1\r\n",
                json!({"error": {"message": "Rate limit", "type": "requests",
                "param": null, "code": "rate_limit_exceeded"}}),
            ),
            7,
        ),
        Kind::Stability => (with("", json!({"id": "a", "name": "rate_limit_exceeded", "errors": ["150 requests in 10 s"]})), 60),
        Kind::Gemini | Kind::Imagen => (
            with(
                "",
                json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota", "details": [
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "30s"}]}}),
            ),
            30,
        ),
        Kind::Replicate => (with("", json!({"detail": "Request was throttled.", "status": 429, "retry_after": 4})), 4),
        Kind::Fal | Kind::Bfl => (with("retry-after: 9\r\n", json!({"detail": "too many"})), 9),
    }
}

/// How each refuses by its rules: at submission, or for asynchronous services where that is their way, when asked.
pub fn moderation(kind: Kind) -> (Option<Reply>, Option<Value>) {
    match kind {
        Kind::Openai | Kind::OpenaiCompatible | Kind::Together => {
            let message = format!("Your request was rejected: {}", super::accounts::PROMPT);
            let error =
                json!({"message": message, "type": "image_generation_user_error", "param": null, "code": "moderation_blocked"});
            (Some(Reply::Json(400, json!({"error": error}))), None)
        }
        Kind::Stability => {
            (Some(Reply::Json(200, json!({"image": picture(), "finish_reason": "CONTENT_FILTERED", "seed": 1}))), None)
        }
        Kind::Gemini => (Some(Reply::ok(json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}))), None),
        Kind::Imagen => (Some(Reply::ok(json!({"predictions": [{"raiFilteredReason": "blocked"}]}))), None),
        Kind::Replicate => (None, Some(json!({"id": TASK, "status": "failed", "error": "NSFW content detected. Try again."}))),
        Kind::Fal => {
            let detail = json!([{"loc": ["body", "prompt"], "msg": "flagged", "type": "content_policy_violation"}]);
            (Some(Reply::Json(422, json!({"detail": detail}))), None)
        }
        Kind::Bfl => (None, Some(json!({"id": TASK, "status": "Request Moderated", "result": null}))),
    }
}
