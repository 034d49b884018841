//! `easel import`, `list`, `show`, `rm`, `pull`: models on this machine.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Home, tiny_model};

fn ids(home: &Home) -> Vec<String> {
    let json = home.run(["list", "--json"]).ok().json();
    json["models"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_model_comes_is_shown_and_goes() {
    let home = Home::with_imported_model();
    assert!(ids(&home).contains(&"tiny".to_owned()));
    let table = home.run(["list"]).ok().stdout;
    assert!(table.contains("tiny") && table.contains("sd1"), "{table}");
    let shown = home.run(["show", "tiny", "--json", "--verify"]).ok().json();
    assert_eq!((shown["family"].as_str(), shown["damaged"].as_array().map(Vec::len)), (Some("sd1"), Some(0)));
    assert!(shown["sha256"].as_str().unwrap().starts_with(shown["hash"].as_str().unwrap()));
    home.run(["rm", "tiny", "nothing"]).fails(4, &["nothing"]);
    assert!(ids(&home).contains(&"tiny".to_owned()), "nothing is removed where a name is wrong");
    home.run(["rm", "tiny"]).ok();
    assert!(!ids(&home).contains(&"tiny".to_owned()));
    home.run(["show", "tiny"]).fails(4, &["tiny", "easel list"]);
}

#[test]
fn an_imported_model_draws() {
    let home = Home::with_imported_model();
    home.run(["generate", "a red circle", "--model", "tiny", "--steps", "1", "--width", "64", "--height", "64", "--device=cpu"])
        .ok();
}

#[test]
fn a_name_is_taken_only_once_unless_forced() {
    let home = Home::with_imported_model();
    let model = tiny_model();
    let import = |more: &[&str]| {
        let mut command = home.command(["import", "--name", "tiny"]);
        common::Ran::from(command.arg(&model).args(more).output().unwrap())
    };
    import(&[]).fails(3, &["tiny", "--force"]);
    import(&["--force"]).ok();
    home.run(["import", "nowhere"]).fails(3, &["nowhere"]);
    home.write("model.ckpt", "x");
    home.run(["import", "model.ckpt"]).fails(4, &["model.ckpt"]);
}

#[test]
fn damaged_files_are_found() {
    let home = Home::with_imported_model();
    let weights = home.join(".local/share/easel/models/tiny/unet/diffusion_pytorch_model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    home.run(["show", "tiny", "--verify"]).fails(4, &["tiny", "unet/"]);
}

#[test]
fn what_cannot_be_pulled_is_refused_before_the_network_is_asked() {
    let home = Home::new();
    home.run(["pull", "not-a-repository"]).fails(2, &["not-a-repository", "org/name"]);
    home.run(["pull", "org/name", "--offline", "true"]).fails(4, &["org/name", "offline"]);
    home.run(["pull", "org/name", "--hub-endpoint", "http://127.0.0.1:9"]).fails(1, &["127.0.0.1:9"]);
}
