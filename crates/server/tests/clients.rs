//! Programs made for AUTOMATIC1111's API, unchanged, against the real binary and the built-in model: `webuiapi` draws, and `sd-parsers` reads
//! what was drawn.
//!
//! What those packages send and expect decides, not our reading of it. They are installed by name into the build folder on first use
//! (`python3 -m venv` and pip); a test that cannot install them fails and says so.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use common::{Home, people};
use serde_json::json;

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Python with the packages, in a folder that survives between runs. Tests run side by side: the first to come installs, and the others wait.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("a1111-clients");
        fs::create_dir_all(&folder).expect("the build folder can be written");
        let venv = folder.join("venv");
        let python = venv.join("bin/python");
        if !python.exists() {
            must(
                Command::new("python3").args(["-m", "venv"]).arg(&venv),
                "making a Python environment (python3 with venv is needed)",
            );
        }
        let requirements = clients().join("webuiapi.txt");
        must(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(requirements),
            "installing webuiapi and sd-parsers",
        );
        python
    })
}

fn must(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{what}: {command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{what} failed: {command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn webuiapi_draws_and_a_parser_reads_it() {
    let python = python();
    let home = Home::new();
    let server = home.serve(&["--device", "cpu"]);
    server.wait_until_ready();
    must(Command::new(python).arg(clients().join("webuiapi.py")).arg(&server.address), "webuiapi");
}

#[test]
fn webuiapi_logs_in_with_a_key_and_with_a_password() {
    let python = python();
    let home = Home::new();
    people::told_the_password(&mut home.command(["admin", "create-superuser", "--email", "root@example.org"])).ok();
    let server = home.serve(&["--device", "cpu"]);
    server.wait_until_ready();
    people::registered(&server, "ada@example.org");
    // A plan that has keys; a change of plan ends sessions.
    let root = people::logged_in(&server, "root@example.org");
    let found = people::call(&server, "GET", "/api/v1/admin/users", &root, None).json();
    let ada = found["data"].as_array().and_then(|all| all.iter().find(|user| user["email"] == "ada@example.org"));
    let ada = people::text(&ada.expect("ada")["id"]);
    let changed = people::call(&server, "PATCH", &format!("/api/v1/admin/users/{ada}"), &root, Some(&json!({"plan": "pro"})));
    assert_eq!(changed.status, 200, "{}", changed.text());
    let token = people::logged_in(&server, "ada@example.org");
    let key = people::post(&server, "/api/v1/api-keys", &token, &json!({"name": "webui", "scopes": ["generate"]}));
    let key = key.json()["key"].as_str().expect("a key").to_owned();
    for (name, password) in [("key", key.as_str()), ("ada@example.org", people::PASSWORD)] {
        must(
            Command::new(python).arg(clients().join("webuiapi.py")).args([&server.address, name, password]),
            "webuiapi with a password",
        );
    }
}
