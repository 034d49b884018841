//! External image services over HTTP: whether one's prompts may leave, accounts of one's own, who served a job, and what operators see and set.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod common;
#[path = "../../providers/tests/fakes/mod.rs"]
mod fakes;
#[path = "external/left.rs"]
mod left;
#[path = "external/started.rs"]
mod started;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{Method, Request},
};
use common::{Answer, Server, server_with_services_on};
use easel_api::Services;
use easel_engine::sim::{Call, Fault, SimConfig};
use easel_imaging::{EncodeOptions, Format, encode};
use easel_platform::{
    SystemSecrets,
    accounts::Actor,
    fallback::{Fallback, FallbackSettings, OperatorAccount},
    keyring::Keyring,
    records::Role,
    worker::{Worker, WorkerSettings},
};
use easel_providers::{Catalogue, Kind, Pace, Rules, Secret};
use easel_types::Rgb8;
use fakes::{
    Fake, Reply,
    accounts::{KEY, account, base, hosts, model},
    client,
    services::{accepted, picture_url, polled, submits},
};
use serde_json::{Value, json};

const OWN_KEY: &str = "fal-key-of-somebody-51c2";

fn file() -> Reply {
    let image = Rgb8::new(64, 64, [[200, 40, 40]; 64 * 64].concat()).unwrap();
    let bytes = encode(&image, &EncodeOptions::new(Format::Png)).unwrap();
    Reply::With(200, "content-type: image/png\r\n".into(), bytes)
}

/// A service that has drawn what it is asked for by the time it is asked about it.
async fn at_once(kind: Kind) -> Fake {
    let port = Arc::new(AtomicU16::new(0));
    let own = port.clone();
    let fake = Fake::start(move |request| {
        let port = own.load(Ordering::SeqCst);
        if request.path.starts_with("/files/") {
            return file();
        }
        if submits(kind, request) {
            return Reply::ok(accepted(kind, port));
        }
        Reply::ok(polled(kind, &request.path, true, &picture_url(kind, port)))
    })
    .await;
    port.store(fake.port(), Ordering::SeqCst);
    fake
}

/// A server whose operator has an account there, and a worker.
async fn server(fake: &Fake) -> (Server, tokio::task::JoinHandle<()>) {
    server_on(SimConfig::default(), fake).await
}

/// The same over such a device.
async fn server_on(sim: SimConfig, fake: &Fake) -> (Server, tokio::task::JoinHandle<()>) {
    server_of(Kind::Replicate, sim, fake).await
}

/// The same with an account at such a service.
async fn server_of(kind: Kind, sim: SimConfig, fake: &Fake) -> (Server, tokio::task::JoinHandle<()>) {
    let made = Arc::new(Mutex::new(None));
    let (keep, port) = (made.clone(), fake.port());
    let server = server_with_services_on(sim, move |platform| {
        let names = [hosts(kind).0, hosts(kind).1];
        let operators = OperatorAccount {
            account: account(kind, base(kind, port)),
            models: ["elsewhere", "sim"].map(|here| (here.to_owned(), model(kind).to_owned())).into(),
            default_model: None,
            webhook_secret: Some(Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
        };
        let settings = FallbackSettings {
            rules: Rules { enabled: true, ..Rules::default() },
            own_accounts: true,
            pace: Pace { first: Duration::from_millis(5), longest: Duration::from_millis(20), retries: 2 },
            ..FallbackSettings::default()
        };
        let (context, bus) = (platform.context.clone(), platform.jobs.bus().clone());
        let ring = Keyring::generate(&SystemSecrets);
        let fallback =
            Fallback::new(context, ring, client(&names, port), bus, Catalogue::shipped(), vec![operators], settings).unwrap();
        *keep.lock().unwrap() = Some(fallback.clone());
        Services { fallback: Some(fallback), ..Services::default() }
    })
    .await;
    let fallback = made.lock().unwrap().take();
    let settings = WorkerSettings { look_every: Duration::from_millis(20), ..WorkerSettings::new("test") };
    let worker = Worker::new(Arc::clone(&server.platform), server.engine.clone(), settings).with_fallback(fallback);
    let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
    (server, working)
}

async fn somebody(server: &Server, name: &str, role: Role) -> String {
    let who = json!({ "email": format!("{name}@example.org"), "password": "a long sentence" });
    let answer = server.post("/api/v1/auth/register", who.to_string()).await;
    assert!(answer.status.is_success(), "{:?}", answer.json());
    let answer = server.post("/api/v1/auth/login", who.to_string()).await.json();
    let token = answer["access_token"].as_str().unwrap().to_owned();
    if role != Role::User {
        let me = send(server, &token, Method::GET, "/api/v1/users/me", Value::Null).await.json();
        server.platform.accounts.set_role(&Actor::operator(), me["id"].as_str().unwrap(), role).await.unwrap();
        let answer = server.post("/api/v1/auth/login", who.to_string()).await.json();
        return answer["access_token"].as_str().unwrap().to_owned();
    }
    token
}

async fn send(server: &Server, token: &str, method: Method, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(path).header("host", "easel.test");
    let request = request.header("content-type", "application/json").header("authorization", format!("Bearer {token}"));
    server.send(request.body(Body::from(if body.is_null() { String::new() } else { body.to_string() })).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_is_not_here_is_drawn_elsewhere_once_its_owner_agrees() {
    let fake = at_once(Kind::Replicate).await;
    let (server, working) = server(&fake).await;
    let ada = somebody(&server, "ada", Role::User).await;
    let wish = json!({"model": "elsewhere", "prompt": "a heron", "steps": 4, "clip_skip": 1});
    let refused = send(&server, &ada, Method::POST, "/api/v1/images/generate", wish.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (404, "model_not_found"), "nobody has agreed");
    assert_eq!(fake.connections(), 0);

    let nothing = json!({"allow_external": false, "providers": [], "regions": []});
    assert_eq!(send(&server, &ada, Method::GET, "/api/v1/users/me/external", Value::Null).await.json(), nothing);
    let consent = json!({"allow_external": true, "providers": ["replicate"], "regions": []});
    let said = send(&server, &ada, Method::PUT, "/api/v1/users/me/external", consent.clone()).await;
    assert_eq!((said.status.as_u16(), said.json()), (200, consent));
    let bad = json!({"allow_external": true, "providers": ["a b"]});
    assert_eq!(send(&server, &ada, Method::PUT, "/api/v1/users/me/external", bad).await.status, 400);

    let quote = send(&server, &ada, Method::POST, "/api/v1/images/quote", wish.clone()).await.json();
    assert_eq!(quote["elsewhere"][0]["provider"], "replicate", "{quote}");
    let dropped = json!({"change": "dropped", "field": "clip_skip"});
    assert!(quote["elsewhere"][0]["changes"].as_array().unwrap().contains(&dropped), "{quote}");
    let mut kept = wish.clone();
    kept["allow_fallback"] = json!(false);
    assert_eq!(send(&server, &ada, Method::POST, "/api/v1/images/generate", kept).await.code(), "model_not_found");
    assert_eq!(fake.connections(), 0, "a quote sends nothing");
    for bad in [json!({"n": 11}), json!({"width": 10_000, "height": 64}), json!({"prompt": " "})] {
        let mut body = wish.clone();
        body.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        assert_eq!(send(&server, &ada, Method::POST, "/api/v1/images/generate", body).await.status, 400, "{bad}");
    }

    let job = send(&server, &ada, Method::POST, "/api/v1/images/generate?wait=true", wish).await.json();
    assert_eq!(job["state"], "completed", "{job}");
    let served_by = &job["served_by"];
    assert_eq!((&served_by["provider"], &served_by["reason"]), (&json!("replicate"), &json!("model_missing")));
    assert!(served_by["changes"].as_array().unwrap().contains(&dropped), "{job}");
    assert_eq!((&job["images"][0]["provider"], &job["unit_price"]), (&json!("replicate"), &quote["unit_price"]));
    let own = send(&server, &ada, Method::POST, "/api/v1/images/generate?wait=true", json!({"prompt": "a heron"})).await.json();
    assert_eq!(
        (&own["state"], &own["served_by"], &own["images"][0]["provider"]),
        (&json!("completed"), &Value::Null, &Value::Null)
    );
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_each_account_and_set_its_breaker() {
    let fake = at_once(Kind::Replicate).await;
    let (server, working) = server(&fake).await;
    let (admin, root) = (somebody(&server, "admin", Role::Admin).await, somebody(&server, "root", Role::Superuser).await);
    let list = send(&server, &admin, Method::GET, "/api/v1/admin/providers", Value::Null).await;
    assert!(!String::from_utf8_lossy(&list.bytes).contains(KEY));
    let list = list.json();
    assert_eq!(
        (&list["enabled"], &list["data"][0]["name"], &list["data"][0]["breaker"]),
        (&json!(true), &json!("replicate"), &json!("closed"))
    );
    assert_eq!(list["data"][0]["day"], json!({"spent_micros": 0, "budget_micros": 10_000_000}));
    let open = "/api/v1/admin/providers/replicate/open";
    assert_eq!(send(&server, &admin, Method::POST, open, Value::Null).await.status, 403);
    assert_eq!(send(&server, &root, Method::POST, open, Value::Null).await.status, 204);
    let list = send(&server, &admin, Method::GET, "/api/v1/admin/providers", Value::Null).await.json();
    assert_eq!(list["data"][0]["breaker"], "locked");
    let metrics = server.get("/metrics").await;
    let metrics = String::from_utf8(metrics.bytes).unwrap();
    assert!(metrics.contains("provider_circuit{provider=\"replicate\",state=\"locked\"} 1"), "{metrics}");
    assert!(metrics.trim_end().ends_with("# EOF"), "what ends the text ends it");
    assert_eq!(send(&server, &root, Method::POST, "/api/v1/admin/providers/replicate/close", Value::Null).await.status, 204);
    assert_eq!(send(&server, &root, Method::POST, "/api/v1/admin/providers/nobody/close", Value::Null).await.status, 404);
    // What is not signed wakes nobody.
    let webhook = server.post("/api/v1/webhooks/providers/replicate", json!({"id": "task"}).to_string()).await;
    assert_eq!((webhook.status.as_u16(), webhook.code().as_str()), (400, "webhook_refused"));
    assert_eq!(server.post("/api/v1/webhooks/providers/nobody", "{}").await.status, 404);
    assert_eq!(fake.connections(), 0);
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_of_ones_own_is_shown_without_its_key() {
    let fake = at_once(Kind::Replicate).await;
    let (server, working) = server(&fake).await;
    let (ada, bob) = (somebody(&server, "ada", Role::User).await, somebody(&server, "bob", Role::User).await);
    let words = json!({"name": "mine", "provider": "fal", "key": OWN_KEY, "model": "fal-ai/flux/dev"});
    let made = send(&server, &ada, Method::POST, "/api/v1/api-configs", words.clone()).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/api-configs/{id}");
    let mut answers = vec![made];
    answers.push(send(&server, &ada, Method::GET, "/api/v1/api-configs", Value::Null).await);
    assert_eq!((&answers[1].json()[0]["key_hint"], &answers[1].json()[0]["is_active"]), (&json!("51c2"), &json!(true)));
    let other = json!({"name": "ours", "provider": "fal", "model": "fal-ai/flux/dev", "is_active": false});
    answers.push(send(&server, &ada, Method::PUT, &path, other).await);
    assert_eq!((&answers[2].json()["name"], &answers[2].json()["is_active"]), (&json!("ours"), &json!(false)));
    answers.push(send(&server, &ada, Method::POST, &format!("{path}/test"), Value::Null).await);
    assert_eq!(answers[3].json(), json!({"ok": false, "code": "address_not_allowed"}), "all names lead inside here");
    for (method, path) in [(Method::PUT, path.clone()), (Method::DELETE, path.clone()), (Method::POST, format!("{path}/test"))] {
        let body = if method == Method::PUT { words.clone() } else { Value::Null };
        let answer = send(&server, &bob, method.clone(), &path, body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{method}");
    }
    for (bad, status, code) in [
        (json!({"name": "x", "provider": "acme", "key": OWN_KEY, "model": "m"}), 400, "invalid_value"),
        (json!({"name": "x", "provider": "fal", "key": OWN_KEY, "model": "m", "secret": 1}), 400, "invalid_value"),
        (
            json!({"name": "x", "provider": "openai_compatible", "key": OWN_KEY, "model": "m", "base_url": "http://169.254.169.254/v1"}),
            400,
            "url_not_allowed",
        ),
    ] {
        let answer = send(&server, &ada, Method::POST, "/api/v1/api-configs", bad.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{bad}");
        answers.push(answer);
    }
    assert_eq!(send(&server, &ada, Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(send(&server, &ada, Method::GET, "/api/v1/api-configs", Value::Null).await.json(), json!([]));
    for answer in &answers {
        assert!(!String::from_utf8_lossy(&answer.bytes).contains(OWN_KEY), "a key is in an answer");
    }
    assert_eq!(fake.connections(), 0);
    working.abort();
}

const CONSENT: &str = "/api/v1/users/me/external";
const OPENAI: &str = "/v1/images/generations";
const A1111: &str = "/sdapi/v1/txt2img";

async fn agrees(server: &Server, token: &str) {
    let said = send(server, token, Method::PUT, CONSENT, json!({"allow_external": true})).await;
    assert_eq!(said.status, 200, "{}", said.json());
}

/// What the job's own view says of who served the last job.
async fn last_job(server: &Server, token: &str) -> Value {
    send(server, token, Method::GET, "/api/v1/jobs", Value::Null).await.json()["data"][0].clone()
}

fn contains(changes: &Value, field: &str) -> bool {
    changes.as_array().unwrap().contains(&json!({"change": "dropped", "field": field}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openais_routes_ask_others_once_their_owner_agrees() {
    let fake = at_once(Kind::Replicate).await;
    let (server, working) = server(&fake).await;
    let ada = somebody(&server, "ada", Role::User).await;
    let wish = json!({"model": "elsewhere", "prompt": "a heron", "response_format": "b64_json", "clip_skip": 1});
    let refused = send(&server, &ada, Method::POST, OPENAI, wish.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (404, "model_not_found"), "nobody has agreed");
    agrees(&server, &ada).await;
    for more in [json!({"allow_fallback": false}), json!({"prompt": "a heron <lora:ink:1>"}), json!({"loras": [{"name": "ink"}]})]
    {
        let mut kept = wish.clone();
        kept.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(send(&server, &ada, Method::POST, OPENAI, kept).await.code(), "model_not_found", "{more}");
    }
    for (bad, code) in [(json!({"size": "9000x64"}), "out_of_range"), (json!({"allow_fallback": 1}), "invalid_type")] {
        let mut body = wish.clone();
        body.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        let answer = send(&server, &ada, Method::POST, OPENAI, body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, code), "{bad}");
    }
    assert_eq!(fake.connections(), 0);

    let answer = send(&server, &ada, Method::POST, OPENAI, wish.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let answer = answer.json();
    let served_by = &answer["served_by"];
    assert_eq!((&served_by["provider"], &served_by["reason"]), (&json!("replicate"), &json!("model_missing")), "{answer}");
    assert!(contains(&served_by["changes"], "clip_skip"), "{answer}");
    assert!(answer["data"][0]["b64_json"].as_str().unwrap().starts_with("iVBOR"), "a PNG");
    assert_eq!(answer["size"], "64x64", "as it came");
    let job = last_job(&server, &ada).await;
    assert_eq!((&job["served_by"], &job["unit_price"]), (served_by, &answer["unit_price"]), "in the words of the job");
    assert_eq!((&job["state"], &job["images_delivered"]), (&json!("completed"), &json!(1)));

    let mut streamed = wish.clone();
    streamed["stream"] = json!(true);
    let events = send(&server, &ada, Method::POST, OPENAI, streamed).await;
    let events = String::from_utf8(events.bytes).unwrap();
    assert!(events.contains("event: image_generation.completed") && events.contains("\"served_by\""), "{events}");

    let mut dropped = wish.clone();
    dropped["loras"] = json!([{"name": "ink"}]);
    dropped["allow_drops"] = json!(true);
    let dropped = send(&server, &ada, Method::POST, OPENAI, dropped).await.json();
    assert!(contains(&dropped["served_by"]["changes"], "loras"), "{dropped}");

    let own = send(&server, &ada, Method::POST, OPENAI, json!({"prompt": "a heron", "response_format": "b64_json"})).await.json();
    assert!(own["data"][0]["seed"].is_u64() && own.get("served_by").is_none() && own.get("unit_price").is_none(), "{own}");
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a1111s_routes_ask_others_once_their_owner_agrees() {
    let fake = at_once(Kind::Replicate).await;
    let (server, working) = server(&fake).await;
    let ada = somebody(&server, "ada", Role::User).await;
    let settings = json!({"sd_model_checkpoint": "elsewhere"});
    let wish = json!({"prompt": "a heron", "steps": 4, "width": 64, "height": 64, "override_settings": settings});
    assert_eq!(send(&server, &ada, Method::POST, A1111, wish.clone()).await.status, 404, "nobody has agreed");
    agrees(&server, &ada).await;
    for more in [json!({"easel_allow_fallback": false}), json!({"enable_hr": true}), json!({"prompt": "a heron <lora:ink:1>"})] {
        let mut kept = wish.clone();
        kept.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(send(&server, &ada, Method::POST, A1111, kept).await.status, 404, "{more}");
    }
    assert_eq!(fake.connections(), 0);

    let answer = send(&server, &ada, Method::POST, A1111, wish).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let answer = answer.json();
    let info: Value = serde_json::from_str(answer["info"].as_str().unwrap()).unwrap();
    let served_by = &info["served_by"];
    assert_eq!((&served_by["provider"], &served_by["reason"]), (&json!("replicate"), &json!("model_missing")), "{info}");
    assert!(contains(&served_by["changes"], "sampler"), "{info}");
    assert_eq!((&info["sd_model_name"], &info["width"]), (&json!("elsewhere"), &json!(64)));
    assert_eq!((answer["images"].as_array().unwrap().len(), info["all_seeds"].as_array().unwrap().len()), (1, 1));
    let job = last_job(&server, &ada).await;
    assert_eq!((&job["served_by"], &job["unit_price"]), (served_by, &info["unit_price"]), "in the words of the job");
    let own = send(&server, &ada, Method::POST, A1111, json!({"prompt": "a heron", "steps": 4, "width": 64, "height": 64})).await;
    let info: Value = serde_json::from_str(own.json()["info"].as_str().unwrap()).unwrap();
    assert!(info.get("served_by").is_none(), "{info}");
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_here_is_asked_of_others_and_without_them_told() {
    let openai = json!({"prompt": "a heron", "response_format": "b64_json"});
    let a1111 = json!({"prompt": "a heron", "steps": 4, "width": 64, "height": 64});
    for (sim, reason, code) in [
        (SimConfig { rows_max: 0, ..SimConfig::default() }, "out_of_memory", "out_of_memory"),
        (SimConfig { faults: vec![(Call::Step, 1, Fault::Device)], ..SimConfig::default() }, "no_device", "engine_failed"),
    ] {
        let fake = at_once(Kind::Replicate).await;
        let (server, working) = server_on(sim, &fake).await;
        // Whoever is first finds out that the device does not do.
        let first = somebody(&server, "first", Role::User).await;
        assert!(send(&server, &first, Method::POST, OPENAI, openai.clone()).await.status.is_server_error());
        while reason == "no_device" && server.engine.status().state != easel_engine::State::Failed {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (ada, bob) = (somebody(&server, "ada", Role::User).await, somebody(&server, "bob", Role::User).await);
        agrees(&server, &ada).await;
        let refused = send(&server, &bob, Method::POST, OPENAI, openai.clone()).await;
        assert!(refused.status.is_server_error(), "{reason}");
        assert_eq!((refused.code().as_str(), fake.connections()), (code, 0), "who has not agreed is told");
        let answer = send(&server, &ada, Method::POST, OPENAI, openai.clone()).await.json();
        assert_eq!(
            (&answer["served_by"]["provider"], &answer["served_by"]["reason"]),
            (&json!("replicate"), &json!(reason)),
            "{answer}"
        );
        let answer = send(&server, &ada, Method::POST, A1111, a1111.clone()).await.json();
        let info: Value = serde_json::from_str(answer["info"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&info["served_by"]["provider"], &info["served_by"]["reason"]),
            (&json!("replicate"), &json!(reason)),
            "{info}"
        );
        let mut streamed = openai.clone();
        streamed["stream"] = json!(true);
        let events = send(&server, &ada, Method::POST, OPENAI, streamed).await;
        let events = String::from_utf8(events.bytes).unwrap();
        assert!(events.contains("event: image_generation.completed") && events.contains(reason), "{events}");
        let job = last_job(&server, &bob).await;
        assert!(job.is_null() || job["state"] == "failed" || job["state"] == "cancelled", "nothing is paid: {job}");
        working.abort();
    }
}
