//! Several nodes over one PostgreSQL: one answers, two draw. One of these is killed in the middle, and the other finishes what it had begun.

mod common;

use std::time::{Duration, Instant};

use common::{
    Home, Ran, Server,
    people::{call, logged_in, post, registered, text, told_the_password},
};
use easel_testing::{Engine, run_story};
use serde_json::{Value, json};

const SECRET: &str = "thirty-two characters that nobody knows";
/// More than a worker takes at a time, so that both have some.
const JOBS: usize = 10;

fn started(home: &Home, role: &str, database: &str, blobs: &str) -> Server {
    let shared = ["--database-url", database, "--blobs-url", blobs, "--secret-key", SECRET];
    let own = [
        "--role",
        role,
        "--device",
        "cpu",
        "--model",
        "tiny",
        "--auth",
        "required",
        "--rate-limit-per-minute",
        "0",
        "--rate-limit-per-hour",
        "0",
        "--rate-limit-per-day",
        "0",
        "--jobs-max",
        "2",
    ];
    let server = home.serve(&[&shared[..], &own].concat());
    server.wait_until_ready();
    server
}

/// An administrator, made on the server's own machine.
fn administrator(home: &Home, database: &str, front: &Server) -> String {
    let mut command = home.command(["admin", "create-superuser", "--email", "root@example.org"]);
    told_the_password(command.env("EASEL_DATABASE_URL", database)).ok();
    logged_in(front, "root@example.org")
}

fn jobs(front: &Server, admin: &str, state: &str) -> Vec<Value> {
    let page = call(front, "GET", &format!("/api/v1/admin/jobs?limit=100&state={state}"), admin, None);
    assert_eq!(page.status, 200, "{}", page.text());
    page.json()["data"].as_array().cloned().unwrap_or_else(|| panic!("no list: {}", page.text()))
}

/// Looks again and again, for long enough on a slow machine.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(300), "it does not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_killed_worker_had_begun_is_finished_by_another() {
    run_story(Engine::Postgres, async |database| {
        let (url, blobs) = (database.url().to_owned(), format!("file://{}", database.dir().join("blobs").display()));
        // Threads and processes of their own: nothing here is waited for by others.
        tokio::task::block_in_place(|| story(&url, &blobs));
        Ok(())
    });
}

fn story(database: &str, blobs: &str) {
    let homes = [Home::with_tiny_model(), Home::with_tiny_model(), Home::with_tiny_model()];
    let front = started(&homes[0], "serve", database, blobs);
    let (doomed, _other) = (started(&homes[1], "worker", database, blobs), started(&homes[2], "worker", database, blobs));
    let admin = administrator(&homes[0], database, &front);
    // Each says that it is there.
    until(|| {
        let listed = call(&front, "GET", "/api/v1/admin/nodes", &admin, None).json();
        let nodes = listed["data"].as_array().cloned().unwrap_or_default();
        let mut roles: Vec<&str> =
            nodes.iter().filter(|node| node["is_alive"] == true).filter_map(|node| node["role"].as_str()).collect();
        roles.sort_unstable();
        (roles == ["serve", "worker", "worker"]).then_some(())
    });
    let token = registered(&front, "ada@example.org");
    let body = json!({"prompt": "a red circle", "width": 64, "height": 64, "steps": 30});
    let made: Vec<String> = (0..JOBS)
        .map(|_| {
            let job = post(&front, "/api/v1/images/generate", &token, &body);
            assert_eq!(job.status, 202, "{}", job.text());
            text(&job.json()["id"])
        })
        .collect();
    let of = |worker: &Server, job: &Value| {
        let process = format!("/{}/", worker.child.id());
        job["worker"].as_str().is_some_and(|name| name.contains(&process))
    };
    let begun = until(|| {
        let begun = jobs(&front, &admin, "processing").into_iter().find(|job| of(&doomed, job));
        begun.map(|job| text(&job["id"]))
    });
    doomed.signal("KILL");
    // It may have finished that one at the last moment; what it has now, it keeps until somebody takes it away.
    let left: Vec<String> =
        jobs(&front, &admin, "processing").into_iter().filter(|job| of(&doomed, job)).map(|job| text(&job["id"])).collect();
    drop(doomed);
    let done = until(|| Some(jobs(&front, &admin, "completed")).filter(|done| done.len() == JOBS));
    for job in &done {
        let id = text(&job["id"]);
        if left.contains(&id) {
            assert!(job["attempt"].as_i64() >= Some(2), "{begun}: {job}");
        }
    }
    for id in &made {
        let job = call(&front, "GET", &format!("/api/v1/jobs/{id}"), &token, None).json();
        assert_eq!((&job["state"], job["images"].as_array().map(Vec::len)), (&json!("completed"), Some(1)), "{job}");
        let image = text(&job["images"][0]["id"]);
        // Drawn there, told here.
        let file = call(&front, "GET", &format!("/api/v1/images/{image}/file"), &token, None);
        assert!(file.body.starts_with(b"\x89PNG"), "{}", file.head);
    }
    assert_eq!(call(&front, "GET", "/api/v1/credits/balance", &token, None).json()["available"], (100 - JOBS).to_string());
    let mut check = homes[0].command(["fsck", "--json"]);
    check.env("EASEL_DATABASE_URL", database).env("EASEL_BLOBS_URL", blobs).env("EASEL_SECRET_KEY", SECRET);
    let ran = Ran::from(check.output().expect("the program starts"));
    assert_eq!(ran.ok().json()["clean"], true);
}
