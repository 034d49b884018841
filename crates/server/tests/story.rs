//! The main story over the real binary: registering, proving an address, logging in, asking what it costs, drawing, watching, keeping, throwing
//! away; and a server that is killed in the middle, which loses no job and charges nothing twice.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::{Duration, Instant};

use common::{
    Home,
    people::{PASSWORD, call, logged_in, post, registered, told_the_password},
};
use serde_json::json;

/// The stories ask more often than people do.
const ARGUMENTS: [&str; 8] = ["--device", "cpu", "--model", "tiny", "--auth", "required", "--rate-limit-per-minute", "0"];

/// The link of the newest mail, once there is one.
fn mailed_token(home: &Home) -> String {
    let started = Instant::now();
    loop {
        let folder = std::fs::read_dir(home.join(".local/share/easel/outbox"));
        let mut mails: Vec<_> = folder.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        mails.retain(|path| path.extension().is_some_and(|end| end == "eml"));
        mails.sort();
        if let Some(path) = mails.last() {
            let text = std::fs::read_to_string(path).unwrap().replace("=\r\n", "").replace("=3D", "=");
            return text.split("#token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "no mail");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn fsck(home: &Home) {
    let ran = home.run(["fsck", "--json"]).ok();
    assert_eq!(ran.json()["clean"], true, "{ran:?}");
}

#[test]
fn from_registering_to_throwing_away() {
    let home = Home::with_tiny_model();
    let mut arguments = ARGUMENTS.to_vec();
    arguments.extend(["--verification-required", "true"]);
    let mut server = home.serve(&arguments);
    server.wait_until_ready();
    let account = json!({"email": "ada@example.org", "password": PASSWORD, "username": "ada"});
    assert_eq!(post(&server, "/api/v1/auth/register", "", &account).status, 201);
    let login = json!({"email": "ada@example.org", "password": PASSWORD});
    assert_eq!(post(&server, "/api/v1/auth/login", "", &login).status, 403, "the address is not proved");
    let proved = post(&server, "/api/v1/auth/verify-email", "", &json!({"token": mailed_token(&home)}));
    assert_eq!(proved.status, 204, "{}", proved.text());
    let token = logged_in(&server, "ada@example.org");

    let body = json!({"prompt": "a red circle", "width": 64, "height": 64, "steps": 2, "seed": 1});
    assert_eq!(post(&server, "/api/v1/images/quote", &token, &body).json()["total"], "1");
    let job = post(&server, "/api/v1/images/generate", &token, &body);
    assert_eq!(job.status, 202, "{}", job.text());
    let id = job.json()["id"].as_str().unwrap().to_owned();
    let events = call(&server, "GET", &format!("/api/v1/jobs/{id}/events"), &token, None).text();
    assert!(events.contains("event: job") && events.contains("\"state\":\"completed\""), "{events}");
    let images = call(&server, "GET", "/api/v1/images", &token, None).json();
    let image = images["data"][0]["id"].as_str().unwrap();
    let file = call(&server, "GET", &format!("/api/v1/images/{image}/file"), &token, None);
    assert!(file.body.starts_with(b"\x89PNG") && file.head.contains("content-type: image/png"), "{}", file.head);
    assert_eq!(call(&server, "GET", "/api/v1/credits/balance", &token, None).json()["available"], "99");
    assert_eq!(call(&server, "DELETE", &format!("/api/v1/images/{image}"), &token, None).status, 204);
    assert_eq!(call(&server, "GET", "/api/v1/images", &token, None).json()["data"], json!([]));
    server.signal("TERM");
    assert_eq!(server.wait(Duration::from_secs(30)), Some(0));
    fsck(&home);
}

#[test]
fn a_server_that_is_killed_loses_no_job_and_charges_nothing_twice() {
    let home = Home::with_tiny_model();
    let mut arguments = ARGUMENTS.to_vec();
    // So that jobs wait and are being drawn when it ends.
    arguments.extend(["--jobs-max", "2"]);
    let server = home.serve(&arguments);
    server.wait_until_ready();
    let token = registered(&server, "ada@example.org");
    let body = json!({"prompt": "a red circle", "width": 64, "height": 64, "steps": 6});
    let jobs: Vec<String> = (0..6)
        .map(|_| post(&server, "/api/v1/images/generate", &token, &body).json()["id"].as_str().unwrap().to_owned())
        .collect();
    let started = Instant::now();
    while call(&server, "GET", &format!("/api/v1/jobs/{}", jobs[0]), &token, None).json()["state"] == "queued" {
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    server.signal("KILL");
    drop(server);

    let mut server = home.serve(&ARGUMENTS);
    server.wait_until_ready();
    let started = Instant::now();
    for id in &jobs {
        loop {
            let job = call(&server, "GET", &format!("/api/v1/jobs/{id}"), &token, None).json();
            if job["state"] == "completed" {
                assert_eq!(job["images"].as_array().map(Vec::len), Some(1), "{job}");
                break;
            }
            assert!(job["state"] == "queued" || job["state"] == "processing", "{job}");
            assert!(started.elapsed() < Duration::from_secs(600), "{job}");
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    assert_eq!(call(&server, "GET", "/api/v1/credits/balance", &token, None).json()["available"], "94");
    server.signal("TERM");
    assert_eq!(server.wait(Duration::from_secs(30)), Some(0));
    fsck(&home);
}

#[test]
fn an_operators_commands() {
    let home = Home::new();
    assert_eq!(home.run(["migrate", "--json"]).ok().json()["applied"].as_u64().map(|applied| applied > 5), Some(true));
    assert_eq!(home.run(["migrate", "--json"]).ok().json()["applied"], 0);
    home.run(["admin", "create-superuser", "--email", "root@example.org"]).fails(2, &["no password"]);
    let arguments = ["admin", "create-superuser", "--email", "root@example.org", "--username", "root", "--json"];
    let ran = told_the_password(&mut home.command(arguments)).ok();
    assert_eq!(ran.json()["role"], "superuser");
    // Somebody administers the server now: this machine has to log in like everybody else.
    let server = home.serve(&["--device", "cpu"]);
    assert_eq!(call(&server, "GET", "/api/v1/users/me", "", None).status, 401);
    let token = logged_in(&server, "root@example.org");
    assert_eq!(call(&server, "GET", "/api/v1/admin/users", &token, None).status, 200);

    for (file, arguments) in [("copy", vec![]), ("dump", vec!["--dump"])] {
        let path = home.join(file);
        let path = path.to_str().unwrap();
        let erasures = format!("{path}.erasures");
        home.run([&["backup", path, "--erasures", &erasures][..], &arguments].concat()).ok();
        let elsewhere = Home::new();
        elsewhere.run(["restore", path, "--erasures", &erasures]).ok();
        elsewhere.run(["restore", path]).fails(1, &[]);
        fsck(&elsewhere);
        let restored = elsewhere.serve(&["--device", "cpu"]);
        logged_in(&restored, "root@example.org");
    }
}
