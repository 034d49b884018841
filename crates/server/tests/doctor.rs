//! `easel doctor`.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::Home;

#[test]
fn every_check_has_a_name_a_status_and_a_next_step_where_it_fails() {
    let home = Home::new();
    let ran = home.run(["doctor", "--json", "--device", "cpu", "--port", "0"]);
    let json = ran.json();
    assert_eq!(ran.code, Some(if json["ok"] == true { 0 } else { 1 }));
    let checks = json["checks"].as_array().unwrap();
    for name in ["configuration", "device", "cuda", "metal", "memory", "data folder", "disk", "models", "port"] {
        let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}"));
        assert!(["ok", "skip", "fail"].contains(&check["status"].as_str().unwrap()));
        assert!(check["status"] != "fail" || check["next_step"].is_string(), "{check}");
    }
    assert!(home.join(".local/share/easel").is_dir(), "an empty home is enough");
}

#[test]
fn what_is_needed_and_missing_fails() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    home.write("file", "");
    let ran = home.run(["doctor", "--device", "cpu", "--port", &port, "--data-dir", "file"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("✗ port") && ran.stdout.contains("✗ data folder") && ran.stdout.contains('→'), "{}", ran.stdout);
    assert!(ran.stdout.contains("✓ device"), "{}", ran.stdout);
}
