//! Styles over the real binary: an operator's beside ours, and a styled picture that is drawn again from its record, pixel for pixel.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use crate::common::{
    Home, Ran, Server,
    people::{call, post, registered, text},
};
use easel_imaging::{DecodeLimits, decode};
use easel_types::Rgb8;
use serde_json::{Value, json};

const ARGUMENTS: [&str; 8] = ["--device", "cpu", "--model", "tiny", "--auth", "required", "--rate-limit-per-minute", "0"];
const HOUSE: &str = r#"{"id":"house-look","category":"film","names":{"en":"House look","zh":"本店风格","ru":"Наш стиль"},"prompt":"picture of {prompt} by night, our own light","negative":"daylight"}"#;

/// Draws, and returns the job and its pixels.
fn drawn(server: &Server, token: &str, body: &Value) -> (Value, Rgb8) {
    let job = post(server, "/api/v1/images/generate", token, body);
    assert_eq!(job.status, 202, "{}", job.text());
    let path = format!("/api/v1/jobs/{}", text(&job.json()["id"]));
    let started = Instant::now();
    loop {
        let job = call(server, "GET", &path, token, None).json();
        if job["state"] == "completed" {
            let file = call(server, "GET", &format!("/api/v1/images/{}/file", text(&job["images"][0]["id"])), token, None);
            return (job, decode(&file.body, &DecodeLimits::default()).unwrap().rgb);
        }
        assert!(job["state"] == "queued" || job["state"] == "processing", "{job}");
        assert!(started.elapsed() < Duration::from_secs(300), "{job}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_styled_picture_is_drawn_again_from_its_record() {
    let home = Home::with_tiny_model();
    let styles = home.write("ours.jsonl", HOUSE);
    let arguments = [&ARGUMENTS[..], &["--styles-file", styles.to_str().unwrap()]].concat();
    let mut server = home.serve(&arguments);
    server.wait_until_ready();
    let token = registered(&server, "ada@example.org");
    let body =
        json!({"prompt": "a red circle", "styles": ["house-look", "linocut"], "width": 64, "height": 64, "steps": 2, "seed": 5});
    let (job, pixels) = drawn(&server, &token, &body);
    let work = &job["request"]["work"];
    assert!(text(&work["prompt"]).contains("by night") && text(&work["negative_prompt"]).contains("daylight"), "{work}");

    // Words, styles and numbers of the record; the styles must say what they said.
    let record = &work["styled"];
    let hash = |server: &Server, id: &str| text(&call(server, "GET", &format!("/api/v1/styles/{id}"), "", None).json()["hash"]);
    let ids: Vec<String> = record["styles"].as_array().unwrap().iter().map(|style| text(&style["id"])).collect();
    assert_eq!(ids, ["house-look", "linocut"]);
    for style in record["styles"].as_array().unwrap() {
        assert_eq!(text(&style["hash"]), hash(&server, &text(&style["id"])));
    }
    let again = json!({
        "prompt": record["raw_prompt"], "negative_prompt": record["raw_negative"], "styles": ids,
        "width": work["width"], "height": work["height"], "steps": work["steps"], "seed": work["seed"],
    });
    let (second, same) = drawn(&server, &token, &again);
    assert!(second["request"] == job["request"] && same == pixels, "the same order is the same picture");
    let plain = json!({"prompt": "a red circle", "width": 64, "height": 64, "steps": 2, "seed": 5});
    assert!(drawn(&server, &token, &plain).1 != pixels, "a style changes the picture");
    // What the styles said then is in the record too, whatever they say today.
    server.signal("TERM");
    assert_eq!(server.wait(Duration::from_secs(30)), Some(0));
    home.write("ours.jsonl", &HOUSE.replace("our own", "another"));
    let server = home.serve(&arguments);
    server.wait_until_ready();
    assert_ne!(hash(&server, "house-look"), text(&record["styles"][0]["hash"]));
    let token = crate::common::people::logged_in(&server, "ada@example.org");
    let as_recorded = json!({
        "prompt": work["prompt"], "negative_prompt": work["negative_prompt"],
        "width": work["width"], "height": work["height"], "steps": work["steps"], "seed": work["seed"],
    });
    assert!(drawn(&server, &token, &as_recorded).1 == pixels);
}

#[test]
fn styles_and_a_model_that_cannot_be_used_are_named() {
    let home = Home::new();
    let run = |command: &str, variables: &[(&str, &str)]| {
        Ran::from(home.command([command]).envs(variables.iter().copied()).output().unwrap())
    };
    home.write("bad.jsonl", &HOUSE.replace("{prompt}", ""));
    run("fsck", &[("EASEL_STYLES_FILE", "bad.jsonl")]).fails(2, &["prompts.styles_file", "bad.jsonl", "line 1"]);
    let url = ("EASEL_PROMPT_MODEL_URL", "http://localhost:1/v1");
    let (name, key) = (("EASEL_PROMPT_MODEL_NAME", "x"), ("EASEL_PROMPT_MODEL_KEY", "hunter2"));
    run("fsck", &[url]).fails(2, &["prompts.model_name"]);
    run("fsck", &[("EASEL_PROMPT_MODEL_URL", "not an address"), name]).fails(2, &["prompts.model_url"]);
    run("fsck", &[url, name, ("EASEL_PROMPT_MODEL_SECONDS", "0")]).fails(2, &["prompts.model_seconds"]);
    run("fsck", &[url, name, key]).ok();
    let shown = run("config", &[url, name, key]).ok();
    assert!(shown.stdout.contains("localhost:1") && !shown.stdout.contains("hunter2"), "{}", shown.stdout);
}
