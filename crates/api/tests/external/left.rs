//! Clients that go away, or interrupt, while somebody else draws: the provider is told where it can be, and the books end right.

use std::sync::atomic::AtomicBool;

use super::*;

const INTERRUPT: &str = "/sdapi/v1/interrupt";

/// A service that has taken work on, and is done with it once it is told to be.
async fn slow(kind: Kind) -> (Fake, Arc<AtomicBool>) {
    let (port, done) = (Arc::new(AtomicU16::new(0)), Arc::new(AtomicBool::new(false)));
    let (own, is_done) = (port.clone(), done.clone());
    let fake = Fake::start(move |request| {
        let port = own.load(Ordering::SeqCst);
        if request.path.starts_with("/files/") {
            return file();
        }
        if request.path.ends_with("/cancel") {
            return Reply::ok(json!({"id": "x", "status": "canceled"}));
        }
        if submits(kind, request) {
            return Reply::ok(accepted(kind, port));
        }
        Reply::ok(polled(kind, &request.path, is_done.load(Ordering::SeqCst), &picture_url(kind, port)))
    })
    .await;
    port.store(fake.port(), Ordering::SeqCst);
    (fake, done)
}

fn count(fake: &Fake, is_counted: impl Fn(&fakes::Received) -> bool) -> usize {
    fake.received.lock().unwrap().iter().filter(|request| is_counted(request)).count()
}

fn cancellations(fake: &Fake) -> usize {
    count(fake, |request| request.path.ends_with("/cancel"))
}

/// How often it was asked about a task.
fn questions(fake: &Fake) -> usize {
    count(fake, |request| request.method == "GET" && !request.path.starts_with("/files/"))
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}

/// What somebody can spend and what is set aside.
async fn balance(server: &Server, token: &str) -> (i64, i64) {
    let me = send(server, token, Method::GET, "/api/v1/users/me", Value::Null).await.json();
    let balance = server.platform.desk.balance(me["id"].as_str().unwrap()).await.unwrap();
    (balance.available.0, balance.pending.0)
}

/// What was spent with the only account today, and its breaker.
async fn standing(server: &Server, admin: &str) -> (u64, String) {
    let list = send(server, admin, Method::GET, "/api/v1/admin/providers", Value::Null).await.json();
    let first = &list["data"][0];
    (first["day"]["spent_micros"].as_u64().unwrap(), first["breaker"].as_str().unwrap().to_owned())
}

async fn assert_clean(server: &Server) {
    let platform = &server.platform;
    let blobs = Some(platform.blobs.clone());
    let report = easel_platform::fsck::Fsck::new(platform.context.clone(), platform.jobs.clone(), blobs).check().await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
}

fn wish_of(path: &str) -> Value {
    if path == OPENAI {
        return json!({"model": "elsewhere", "prompt": "a heron", "response_format": "b64_json"});
    }
    let settings = json!({"sd_model_checkpoint": "elsewhere"});
    json!({"prompt": "a heron", "steps": 4, "width": 512, "height": 512, "override_settings": settings})
}

/// Asks on a task of its own.
fn begin(server: &Arc<Server>, token: &str, path: &'static str) -> tokio::task::JoinHandle<Answer> {
    let (server, token) = (Arc::clone(server), token.to_owned());
    tokio::spawn(async move { send(&server, &token, Method::POST, path, wish_of(path)).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_away_pays_nothing_and_the_provider_is_told() {
    for (kind, path) in [(Kind::Fal, OPENAI), (Kind::Replicate, OPENAI), (Kind::Fal, A1111), (Kind::Replicate, A1111)] {
        let (fake, done) = slow(kind).await;
        let (server, working) = server_of(kind, SimConfig::default(), &fake).await;
        let server = Arc::new(server);
        let (ada, admin) = (somebody(&server, "ada", Role::User).await, somebody(&server, "admin", Role::Admin).await);
        agrees(&server, &ada).await;
        let (had, nothing) = balance(&server, &ada).await;
        assert_eq!(nothing, 0);
        let drawing = begin(&server, &ada, path);
        until("it is asked about", async || questions(&fake) > 0).await;
        assert!(balance(&server, &ada).await.1 > 0, "its price is set aside");
        drawing.abort();
        assert!(drawing.await.is_err_and(|error| error.is_cancelled()));

        until("the provider is told", async || cancellations(&fake) > 0).await;
        until("the credits are back", async || balance(&server, &ada).await == (had, 0)).await;
        let job = last_job(&server, &ada).await;
        assert_eq!((&job["state"], &job["images_delivered"]), (&json!("cancelled"), &json!(0)), "{kind} {path}");
        let (spent, breaker) = standing(&server, &admin).await;
        assert!(spent > 0 && breaker == "closed", "what was sent may be paid: {spent} {breaker}");
        assert_clean(&server).await;

        // The next is served, and paid once.
        done.store(true, Ordering::SeqCst);
        let answer = begin(&server, &ada, path).await.unwrap();
        assert_eq!(answer.status, 200, "{kind} {path}: {}", answer.json());
        let job = last_job(&server, &ada).await;
        assert_eq!((&job["state"], &job["images_delivered"]), (&json!("completed"), &json!(1)));
        let (has, pending) = balance(&server, &ada).await;
        assert!(has < had && pending == 0, "{has} of {had}, {pending}");
        assert_eq!(cancellations(&fake), 1, "what is done is not cancelled, and nothing twice");
        assert_clean(&server).await;
        working.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interruption_reaches_ones_own_at_the_provider() {
    for path in [INTERRUPT, "/sdapi/v1/skip"] {
        let (fake, _) = slow(Kind::Fal).await;
        let (server, working) = server_of(Kind::Fal, SimConfig::default(), &fake).await;
        let server = Arc::new(server);
        let (ada, eve) = (somebody(&server, "ada", Role::User).await, somebody(&server, "eve", Role::User).await);
        agrees(&server, &ada).await;
        let had = balance(&server, &ada).await;
        let drawing = begin(&server, &ada, A1111);
        until("it is asked about", async || questions(&fake) > 0).await;
        assert_eq!(send(&server, &eve, Method::POST, path, Value::Null).await.status, 200);
        let asked = questions(&fake);
        until("it goes on", async || questions(&fake) > asked + 1).await;
        assert!(!drawing.is_finished() && cancellations(&fake) == 0, "by another");

        assert_eq!(send(&server, &ada, Method::POST, path, Value::Null).await.status, 200);
        let answer = drawing.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(answer.json()["images"], json!([]));
        let info: Value = serde_json::from_str(answer.json()["info"].as_str().unwrap()).unwrap();
        assert_eq!((&info["seed"], &info["all_seeds"]), (&json!(-1), &json!([])));
        until("the provider is told", async || cancellations(&fake) == 1).await;
        assert_eq!((last_job(&server, &ada).await["state"].clone(), balance(&server, &ada).await), (json!("cancelled"), had));
        assert_clean(&server).await;
        working.abort();
    }
}
