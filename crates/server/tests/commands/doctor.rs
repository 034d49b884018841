//! `easel doctor`.

#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common::Home;

#[test]
fn every_check_has_a_name_a_status_and_a_next_step_where_it_fails() {
    let home = Home::new();
    let ran = home.run(["doctor", "--json", "--device", "cpu", "--port", "0"]);
    let json = ran.json();
    assert_eq!(ran.code, Some(if json["ok"] == true { 0 } else { 1 }));
    let checks = json["checks"].as_array().unwrap();
    for name in ["configuration", "device", "cuda", "metal", "memory", "data folder", "disk", "models", "providers", "port"] {
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

#[test]
fn a_file_of_providers_is_judged_without_its_keys() {
    let home = Home::new();
    let entry = "[[provider]]\nname = \"fal\"\nkind = \"fal\"\nbudget_day = 1.0\nbudget_month = 9.0\ndefault_model = \"fal-ai/flux/dev\"\n";
    let check = |text: &str, variable: Option<&str>| {
        home.write("providers.toml", text);
        let mut command =
            home.command(["doctor", "--json", "--device", "cpu", "--port", "0", "--providers-file", "providers.toml"]);
        if let Some(value) = variable {
            command.env("FAL_TEST_KEY", value);
        }
        let json = crate::common::Ran::from(command.output().unwrap()).json();
        let checks = json["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == "providers").unwrap().clone()
    };
    let on = check(&format!("enabled = true\n{entry}key_env = \"FAL_TEST_KEY\"\n"), Some("hunter2"));
    assert_eq!((&on["status"], &on["message"]), (&"ok".into(), &"fal; falling back is on".into()));
    let unset = check(&format!("{entry}key_env = \"FAL_TEST_KEY\"\n"), None);
    assert!(unset["status"] == "fail" && unset["message"].as_str().unwrap().contains("FAL_TEST_KEY"), "{unset}");
    for (text, what) in [
        (format!("{entry}key = \"hunter2\"\n"), "unknown field"),
        (format!("{entry}models = {{ a = \"no/such\" }}\n"), "not in the catalogue"),
        (entry.replace("1.0", "-1.0"), "US dollars"),
    ] {
        let wrong = check(&text, None);
        let said = wrong.to_string();
        assert!(wrong["status"] == "fail" && said.contains(what) && !said.contains("hunter2"), "{said}");
    }
}
