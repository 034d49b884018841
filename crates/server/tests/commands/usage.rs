//! Help, usage errors, completions: what a person meets first.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;

use crate::common::Home;
use easel_types::{SamplerKind, SigmaSchedule};

#[test]
fn help_lists_the_commands_and_the_exit_codes() {
    let home = Home::new();
    let help = home.run(["--help"]).ok().stdout;
    for word in ["generate", "serve", "doctor", "config", "list", "pull", "import", "completions", "Exit codes:", "130"] {
        assert!(help.contains(word), "{word}");
    }
    let help = home.run(["generate", "--help"]).ok().stdout;
    for word in ["--negative-prompt", "EASEL_SEED", "dpmpp_2m", "--latents-out", "--clip-skip"] {
        assert!(help.contains(word), "{word}");
    }
    let words: HashSet<&str> = help.split(|c: char| c.is_whitespace() || ",[]".contains(c)).collect();
    let samplers = SamplerKind::ALL.iter().map(|kind| kind.name());
    for name in samplers.chain(SigmaSchedule::ALL.iter().map(|schedule| schedule.name())) {
        assert!(words.contains(name), "{name}: {help}");
    }
    assert!(home.run(["--version"]).ok().stdout.starts_with("easel 0."));
    assert!(!home.join(".local").exists(), "help writes nothing");
}

#[test]
fn usage_errors_exit_with_2() {
    let home = Home::new();
    home.run(Vec::<&str>::new()).fails(2, &["Usage"]);
    home.run(["--bogus"]).fails(2, &["--bogus"]);
    home.run(["generate"]).fails(2, &["PROMPT"]);
    home.run(["generate", "x", "--sampler", "eular"]).fails(2, &["eular", "euler"]);
    home.run(["generate", "x", "--mask", "m.png"]).fails(2, &["--image"]);
    home.run(["generate", "x", "--strength", "0.5"]).fails(2, &["--image"]);
    home.run(["generate", "x", "-o", "missing/out.png"]).fails(2, &["missing", "mkdir"]);
    home.run(["generate", "x", "-o", "out.gif"]).fails(2, &[".gif"]);
    home.run(["generate", "x", "-o", "-", "--n", "2"]).fails(2, &["one picture"]);
    home.run(["generate", "x", "--steps", "many"]).fails(2, &["--steps", "many"]);
    home.run(["serve", "--device", "gpu"]).fails(2, &["gpu", "cuda:N"]);
    home.run(["serve", "--host", "example.org"]).fails(2, &["--host", "127.0.0.1"]);
    home.run(["serve", "--log", "=!"]).fails(2, &["log filter"]);
}

#[test]
fn a_failure_is_json_where_json_is_asked_for() {
    let ran = Home::new().run(["generate", "x", "--json", "--image", "nowhere.png"]).fails(3, &["nowhere.png"]);
    assert_eq!(ran.json()["error"]["code"], "bad_input");
}

#[test]
fn a_usage_error_is_json_where_json_is_asked_for() {
    let home = Home::new();
    let cases: [(&[&str], &str); 6] = [
        (&["--json"], "subcommand"),
        (&["list", "--json", "--bogus"], "--bogus"),
        (&["generate", "--json"], "PROMPT"),
        (&["generate", "x", "--sampler", "eular", "--json"], "eular"),
        (&["--json", "frobnicate"], "frobnicate"),
        (&["generate", "x", "--json", "--mask", "m.png"], "--image"),
    ];
    for (arguments, word) in cases {
        let ran = home.run(arguments).fails(2, &[]);
        let error = &ran.json()["error"];
        assert_eq!(error["code"], "usage", "{ran:?}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(word) && !message.starts_with("error:"), "{message}");
        assert!(error["hint"].is_string(), "{error}");
    }
    let prompt = home.run(["generate", "--bogus", "--", "--json"]).fails(2, &["--bogus"]);
    assert_eq!(prompt.stdout, "", "what stands behind -- is no flag");
    assert!(home.run(["--json", "--help"]).ok().stdout.contains("Usage"));
}

#[test]
fn a_device_the_build_lacks_is_a_clear_error() {
    if cfg!(not(feature = "cuda")) {
        Home::new().run(["serve", "--device", "cuda:0"]).fails(5, &["cuda:0", "--features cuda"]);
    }
}

#[test]
fn a_model_that_is_not_there_is_a_clear_error() {
    Home::new().run(["generate", "x", "--model", "builtim"]).fails(4, &["builtim", "easel list"]);
    Home::new().run(["serve", "--port", "0", "--model", "nobody/nothing"]).fails(4, &["nobody/nothing", "easel pull"]);
}

#[test]
fn completions_for_the_usual_shells() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = home.run(["completions", shell]).ok().stdout;
        assert!(script.contains("generate") && script.contains("negative-prompt"), "{shell}");
    }
}
