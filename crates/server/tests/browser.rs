//! The web application in a real browser against the real binary with the built-in model: `web/tests/e2e` says what happens.
//!
//! It needs npm and Chromium, and fails rather than skips when one of them is missing. A program that was built without its application
//! (`EASEL_WEB=skip`) has nothing to show to a browser.

#![allow(missing_docs)]

use std::{path::Path, process::Command};

#[test]
fn the_stories_of_the_web_application() {
    if std::env::var("EASEL_WEB").as_deref() == Ok("skip") {
        println!("this program has no web application (EASEL_WEB=skip): there is nothing to look at");
        return;
    }
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let ran =
        Command::new("npm").current_dir(web).args(["run", "test:e2e"]).env("EASEL_BIN", env!("CARGO_BIN_EXE_easel")).output();
    let output = ran.unwrap_or_else(|error| panic!("npm: {error}; install Node.js 20.19 or later"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "a story went wrong:\n{}{}", text(&output.stdout), text(&output.stderr));
}
