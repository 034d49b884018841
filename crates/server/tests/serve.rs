//! `easel serve`: where it listens, how it leaves.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::{Home, Ran, tiny_lora, tiny_model};
use serde_json::json;

#[test]
fn a_free_port_is_announced_and_answers() {
    let home = Home::new();
    let server = home.serve(&["--device", "cpu"]);
    let port: u16 = server.address.strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
    assert_ne!(port, 0);
    assert!(server.hint.contains("curl") && server.hint.contains(&server.address), "{}", server.hint);
    assert!(server.get("/health/live").starts_with("HTTP/1.1 200"), "{}", server.get("/health/live"));
    let written: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(written, [".local"], "everything lies under the data folder");
}

#[test]
fn a_signal_ends_it_cleanly() {
    for signal in ["TERM", "INT"] {
        let home = Home::new();
        let mut server = home.serve(&["--device", "cpu"]);
        assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
        server.signal(signal);
        assert_eq!(server.wait(Duration::from_secs(30)), Some(0), "{signal}");
    }
}

#[test]
fn a_taken_port_is_a_clear_error() {
    let home = Home::new();
    let server = home.serve(&["--device", "cpu"]);
    let port = server.address.rsplit_once(':').unwrap().1;
    home.run(["serve", "--device", "cpu", "--port", port]).fails(1, &[port, "--port"]);
}

#[test]
fn others_are_let_in_only_by_accounts() {
    let home = Home::new();
    home.run(["serve", "--device", "cpu", "--port", "0", "--host", "0.0.0.0"]).fails(2, &["--auth required", "create-superuser"]);
    let server = home.serve(&["--device", "cpu", "--host", "0.0.0.0", "--auth", "required"]);
    let answer = server.get("/api/v1/users/me");
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("\"unauthenticated\""), "{answer}");
}

#[test]
fn this_machine_needs_no_account_unless_it_is_said() {
    let home = Home::new();
    let server = home.serve(&["--device", "cpu"]);
    let answer = server.get("/api/v1/users/me");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"@local\""), "{answer}");
    let server = home.serve(&["--device", "cpu", "--auth", "required"]);
    assert!(server.get("/api/v1/users/me").starts_with("HTTP/1.1 401"));
}

#[test]
fn what_has_been_begun_is_finished_before_it_leaves() {
    use std::io::{Read, Write};
    let home = Home::with_tiny_model();
    let mut server = home.serve(&["--device", "cpu", "--model", "tiny"]);
    server.wait_until_ready();
    let body = r#"{"prompt": "a red circle", "size": "128x128", "num_inference_steps": 100}"#;
    let mut stream = std::net::TcpStream::connect(&server.address).unwrap();
    let head = "POST /v1/images/generations HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    server.signal("TERM");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{}", &answer[..answer.len().min(500)]);
    assert_eq!(server.wait(Duration::from_secs(30)), Some(0));
}

#[test]
fn the_line_it_prints_makes_a_picture() {
    let home = Home::with_tiny_model();
    let server = home.serve(&["--device", "cpu", "--model", "tiny"]);
    server.wait_until_ready();
    let line = server.hint.strip_prefix("try: ").unwrap();
    let status = std::process::Command::new("sh").args(["-c", line]).current_dir(home.path()).status().unwrap();
    assert!(status.success());
    assert!(std::fs::read(home.join("out.png")).unwrap().starts_with(b"\x89PNG"), "{line}");
}

#[test]
fn a_model_that_is_installed_meanwhile_draws() {
    let home = Home::new();
    let server = home.serve(&["--device", "cpu"]);
    server.wait_until_ready();
    let body = json!({"prompt": "a red circle", "model": "tiny", "size": "64x64", "num_inference_steps": 1});
    assert!(server.generate(&body).starts_with("HTTP/1.1 404"));
    let import = home.command(["import", "--name", "tiny"]).arg(tiny_model()).output().unwrap();
    Ran::from(import).ok();
    let drawn = server.generate(&body);
    assert!(drawn.starts_with("HTTP/1.1 200"), "{drawn}");
    assert!(server.get("/v1/models").contains("\"tiny\""));
    home.run(["rm", "tiny"]).ok();
    assert!(!server.get("/v1/models").contains("\"tiny\""));
    assert!(server.generate(&body).starts_with("HTTP/1.1 404"));
}

#[test]
fn a_lora_that_is_put_there_meanwhile_is_worn() {
    let home = Home::with_tiny_model();
    let server = home.serve(&["--device", "cpu", "--model", "tiny"]);
    server.wait_until_ready();
    let draw = |prompt: &str, loras: serde_json::Value| {
        let answer = server.generate(&json!({
            "prompt": prompt, "seed": 7, "size": "64x64", "num_inference_steps": 2, "response_format": "b64_json", "loras": loras,
        }));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
        (head[9..12].to_owned(), body)
    };
    let picture = |(status, body): (String, serde_json::Value)| {
        assert_eq!(status, "200", "{body}");
        let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, body["data"][0]["b64_json"].as_str().unwrap());
        image::load_from_memory(&bytes.unwrap()).unwrap().to_rgb8().into_raw()
    };
    let ink = |weight: f64| json!([{"name": "ink", "weight": weight}]);
    let plain = picture(draw("a red circle", json!(null)));
    let (status, refused) = draw("a red circle", ink(1.0));
    assert_eq!((status.as_str(), &refused["error"]["code"]), ("400", &json!("unsupported")));

    let folder = home.join(".local/share/easel/models/Lora");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(tiny_lora(), folder.join("ink.safetensors")).unwrap();
    let worn = picture(draw("a red circle", ink(1.0)));
    assert_ne!(worn, plain);
    assert_eq!(picture(draw("a red circle<lora:ink:1>", json!(null))), worn);
    assert_eq!(picture(draw("a red circle<lora:ink:0.4>", ink(0.6))), worn, "the weights of one that is named twice add up");
    assert_eq!(picture(draw("a red circle", ink(0.0))), plain);
    assert_eq!(picture(draw("a red circle", json!(null))), plain, "nothing of it stays");
    let (_, refused) = draw("a red circle <lora:inc:1>", json!(null));
    assert!(refused["error"]["message"].as_str().unwrap().contains("did you mean `ink`"), "{refused}");

    std::fs::write(folder.join("bad.safetensors"), b"nothing of the kind").unwrap();
    let (status, refused) = draw("a red circle <lora:bad:1>", json!(null));
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(status == "400" && message.starts_with("bad: "), "where it lies is not told: {refused}");
    assert!(!server.get("/v1/models").contains("Lora"));
}
