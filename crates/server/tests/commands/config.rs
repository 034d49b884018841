//! Layers of the configuration: which one wins, where a value came from, what is refused.

#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common::{Home, Ran};
use serde_json::Value;

/// One setting of `easel config --json`.
fn setting(ran: Ran, key: &str) -> (Value, String, String) {
    let json = ran.ok().json();
    let settings = json["settings"].as_array().unwrap();
    let found = settings.iter().find(|setting| setting["key"] == key).unwrap_or_else(|| panic!("{key}"));
    (found["value"].clone(), found["source"].as_str().unwrap().into(), found["from"].as_str().unwrap().into())
}

#[test]
fn flags_beat_variables_beat_the_file_beats_defaults() {
    let home = Home::new();
    let show = |arguments: &[&str], variable: Option<&str>| {
        let mut command = home.command(["config", "--json"]);
        command.args(arguments).envs(variable.map(|value| ("EASEL_PORT", value)));
        setting(Ran::from(command.output().unwrap()), "server.port")
    };
    assert_eq!(show(&[], None), ("3273".into(), "default".into(), "default".into()));
    home.write("easel.toml", "# ours\n[server]\nport = 1001\n");
    assert_eq!(show(&[], None), ("1001".into(), "file".into(), "easel.toml:3".into()));
    assert_eq!(show(&[], Some("1002")), ("1002".into(), "env".into(), "EASEL_PORT".into()));
    assert_eq!(show(&["--port", "1003"], Some("1002")), ("1003".into(), "flag".into(), "--port".into()));
    assert_eq!(show(&[], Some("")).1, "file", "an empty variable is none");
    assert_eq!(show(&[], Some("tcp://10.0.0.1:80")).1, "file", "a Kubernetes service link is none");
}

#[test]
fn the_file_is_looked_for_in_the_usual_places_in_order() {
    let home = Home::new();
    let from = || setting(home.run(["config", "--json", "--data-dir", "data"]), "server.port").2;
    home.write(".config/easel/easel.toml", "server.port = 1\n");
    assert!(from().ends_with(".config/easel/easel.toml:1"), "{}", from());
    home.write("data/easel.toml", "server.port = 2\n");
    assert_eq!(from(), "data/easel.toml:1");
    home.write("easel.toml", "server.port = 3\n");
    assert_eq!(from(), "easel.toml:1");
    let named = home.write("other.toml", "server.port = 4\n");
    let with_flag = home.run(["config", "--json", "--config", "other.toml"]);
    assert_eq!(setting(with_flag, "server.port").2, "other.toml:1");
    let with_variable = Ran::from(home.command(["config", "--json"]).env("EASEL_CONFIG", &named).output().unwrap());
    assert_eq!(setting(with_variable, "server.port").0, "4");
    home.run(["config", "--config", "nowhere.toml"]).fails(2, &["--config", "nowhere.toml"]);
}

#[test]
fn an_unknown_key_is_an_error_with_the_nearest_known_one() {
    let home = Home::new();
    let refused = |text: &str, words: &[&str]| {
        home.write("easel.toml", text);
        home.run(["config"]).fails(2, words);
    };
    refused("[server]\nprot = 1\n", &["easel.toml:2", "`server.prot`", "`server.port`"]);
    refused("port = 1\n", &["`port`", "`server.port`"]);
    refused("[sever]\nport = 1\n", &["`sever`"]);
    refused("[server.port]\nx = 1\n", &["easel.toml:1", "`server.port`", "a table"]);
    refused("server.port = [1]\n", &["a list"]);
    refused("[server\n", &["easel.toml:1"]);
    refused("[server]\nport = 99999\n", &["easel.toml:2", "99999"]);
    refused("[engine]\nqueue_max = 0\n", &["easel.toml:2", "queue_max"]);
    refused("[log]\nformat = \"xml\"\n", &["easel.toml:2", "text or json"]);
    refused("[server]\ntrusted_proxies = \"10.0.0.0/40\"\n", &["easel.toml:2", "server.trusted_proxies", "10.0.0.0/40"]);
    refused("[outbound]\nfetch_hosts = \"fal.media, http://x\"\n", &["outbound.fetch_hosts", "http://x"]);
    refused("[uploads]\nmax_mb = 101\n", &["uploads.max_mb", "100"]);
    refused("password_login = false\n", &["password_login", "oidc_file"]);
    refused("server.cdn_url = \"cdn.example\"\n", &["server.cdn_url", "https://cdn.example.org"]);
    refused("server.features = \"galery\"\n", &["server.features", "`galery`", "gallery"]);
}

#[test]
fn what_is_shown_can_be_read_back() {
    let home = Home::new();
    let shown = home.run(["config", "--port", "4444", "--negative-prompt", "a \"b\"", "--n", "3"]).ok().stdout;
    home.write("easel.toml", &shown);
    assert_eq!(setting(home.run(["config", "--json"]), "server.port").0, "4444");
    assert_eq!(setting(home.run(["config", "--json"]), "generate.negative_prompt").0, "a \"b\"");
}

#[test]
fn secrets_are_never_shown() {
    let home = Home::new();
    home.write("token", "hf_secret\n");
    for (name, value) in [("HF_TOKEN", "hf_secret"), ("EASEL_HUB_TOKEN", "hf_secret"), ("EASEL_HUB_TOKEN_FILE", "token")] {
        let ran = |arguments: &[&str]| Ran::from(home.command(arguments).env(name, value).output().unwrap()).ok();
        let (shown, source, _) = setting(ran(&["config", "--json"]), "hub.token");
        assert_eq!((shown, source.as_str()), ("(redacted)".into(), "env"));
        let (text, json) = (ran(&["config"]), ran(&["config", "--json", "--log", "trace"]));
        assert!(![text.stdout, text.stderr, json.stdout, json.stderr].concat().contains("hf_secret"), "{name}");
    }
}

#[test]
fn a_misspelt_variable_is_pointed_out() {
    let home = Home::new();
    let ran =
        Ran::from(home.command(["config"]).env("EASEL_PROT", "1").env("EASEL_SERVICE_HOST", "10.0.0.1").output().unwrap()).ok();
    assert!(ran.stderr.contains("EASEL_PROT") && ran.stderr.contains("EASEL_PORT?"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("EASEL_SERVICE_HOST"), "{}", ran.stderr);
}

#[test]
fn log_lines_can_be_json() {
    let home = Home::new();
    let ran = Ran::from(home.command(["config", "--log-format", "json"]).env("EASEL_X", "1").output().unwrap()).ok();
    let line: Value = serde_json::from_str(ran.stderr.lines().next().unwrap()).unwrap();
    assert_eq!(line["level"], "WARN");
}
