//! The web application's own tests: types, lint, units, and what its build promises.

#![allow(missing_docs)]

use std::{path::Path, process::Command};

/// Runs npm in `web/`, which building this crate has installed.
fn npm(arguments: &[&str]) {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let output = Command::new("npm").current_dir(web).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("npm: {error}; install Node.js 20.19 or later"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "npm {arguments:?} failed:\n{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn its_types_and_style_are_right() {
    npm(&["run", "check"]);
}

#[test]
fn its_units_do_what_they_should_and_are_covered() {
    npm(&["test"]);
}

#[test]
fn what_is_built_is_small_and_loads_nothing_from_elsewhere() {
    npm(&["run", "build"]);
    npm(&["run", "test:build"]);
}
