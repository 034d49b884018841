//! `easel import`, `list`, `show`, `rm`, `pull`: models on this machine.

#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common::{
    Home,
    hub::{COMMIT, Hub},
    people::call,
    tiny_model,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

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
    home.run(["rm", "tiny", "builtin"]).fails(3, &["builtin", "built in"]);
    assert!(ids(&home).contains(&"tiny".to_owned()), "nothing is removed where one of them cannot be");
    let removed = home.run(["rm", "tiny", "tiny", "--json"]).ok().json();
    assert_eq!(removed, serde_json::json!({ "removed": ["tiny"] }));
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
        crate::common::Ran::from(command.arg(&model).args(more).output().unwrap())
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
    let told = home.run(["show", "tiny", "--verify", "--json"]).fails(4, &["tiny", "unet/"]).json();
    assert_eq!(told["damaged"], serde_json::json!(["unet/diffusion_pytorch_model.safetensors"]));
    assert_eq!((&told["family"], &told["error"]["code"]), (&"sd1".into(), &"model".into()), "one object says all");
    std::fs::remove_file(&weights).unwrap();
    let told = home.run(["show", "tiny", "--verify", "--json"]).fails(4, &["unet/"]).json();
    assert_eq!(told["damaged"].as_array().map(Vec::len), Some(1), "what is gone is damaged too: {told}");
}

#[test]
fn what_cannot_be_pulled_is_refused_before_the_network_is_asked() {
    let home = Home::new();
    home.run(["pull", "not-a-repository"]).fails(2, &["not-a-repository", "org/name"]);
    home.run(["pull", "org/name", "--offline", "true"]).fails(4, &["org/name", "offline"]);
    home.run(["pull", "org/name", "--hub-endpoint", "http://127.0.0.1:9"]).fails(1, &["127.0.0.1:9"]);
}

#[test]
fn the_built_in_model_is_described_like_any_other() {
    let home = Home::new();
    let list = home.run(["list", "--json"]).ok().json();
    let builtin = &list["models"][0];
    assert_eq!((builtin["id"].as_str(), builtin["family"].as_str()), (Some("builtin"), Some("sd1")));
    let unet =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/builtin/unet/diffusion_pytorch_model.safetensors");
    let bytes = std::fs::read(unet).unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(builtin["sha256"].as_str(), Some(digest.as_str()));
    assert_eq!(builtin["hash"].as_str(), Some(&digest[..10]));
    assert!(builtin["size_bytes"].as_u64().unwrap() > bytes.len() as u64);
    let table = home.run(["list"]).ok().stdout;
    let line = table.lines().find(|line| line.starts_with("builtin")).unwrap();
    assert!(line.contains("sd1") && line.contains("MiB") && line.contains("built in"), "{line}");
    let shown = home.run(["show", "builtin", "--json", "--verify"]).ok().json();
    assert_eq!(shown["damaged"].as_array().map(Vec::len), Some(0));
    let text = home.run(["show", "builtin"]).ok().stdout;
    assert!(text.contains(&digest) && text.contains("sd1") && text.contains("MiB"), "{text}");
}

#[test]
fn a_known_model_is_pulled_by_its_short_name() {
    let home = Home::new();
    let hub = Hub::start("stable-diffusion-v1-5/stable-diffusion-v1-5", &tiny_model());
    let pulled = home.run(["pull", "sd15", "--hub-endpoint", &hub.endpoint]).ok();
    assert!(pulled.stderr.contains("CreativeML Open RAIL-M"), "{pulled:?}");
    assert_eq!(hub.asked()[0], "/api/models/stable-diffusion-v1-5/stable-diffusion-v1-5/revision/main");
    let shown = home.run(["show", "sd15", "--json", "--verify"]).ok().json();
    assert_eq!(shown["source"], "stable-diffusion-v1-5/stable-diffusion-v1-5");
    assert_eq!((shown["revision"].as_str(), shown["family"].as_str()), (Some(COMMIT), Some("sd1")));
    let files = shown["files"].as_array().unwrap();
    assert!(files.iter().all(|file| file["path"].as_str().unwrap().ends_with(".fp16.safetensors")), "{files:?}");
    let known = home.run(["list", "--known", "--json"]).ok().json();
    let installed = |id: &str| {
        let all = known["known"].as_array().unwrap();
        all.iter().find(|model| model["id"] == id).unwrap_or_else(|| panic!("{id}"))["installed"].clone()
    };
    assert_eq!([installed("sd15"), installed("sdxl")], [Value::Bool(true), Value::Bool(false)]);
    // With what its manifest recommends; the fixture's own size would be 64 pixels.
    let size = ["--width", "64", "--height", "64"];
    let drawn = home.run(["generate", "a cat", "--model", "sd15", "--json", "--device", "cpu"].iter().chain(&size)).ok().json();
    let told = (&drawn["num_inference_steps"], &drawn["guidance_scale"], &drawn["sampler"]);
    assert_eq!(told, (&25.into(), &7.5.into(), &"pndm".into()), "{drawn}");
}

#[test]
fn known_models_are_listed_and_a_wrong_name_names_them() {
    let home = Home::new();
    let table = home.run(["list", "--known"]).ok().stdout;
    for word in ["sd15", "sd21", "sdxl", "sd-turbo", "sdxl-turbo", "stabilityai/stable-diffusion-xl-base-1.0", "https://"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    home.run(["pull", "sd16"]).fails(2, &["sd16", "sd15", "easel list --known"]);
}

#[test]
fn the_variables_of_the_hubs_own_programs_are_understood() {
    let home = Home::new();
    let hub = Hub::private("org/tiny", &tiny_model(), "hf_secret");
    let shared = home.join("shared");
    let pull = |name: &str, variables: &[(&str, &str)]| {
        let mut command = home.command(["pull", "org/tiny", "--name", name]);
        command.env("HF_ENDPOINT", &hub.endpoint).env("HF_HOME", &shared).envs(variables.iter().copied());
        crate::common::Ran::from(command.output().unwrap())
    };
    let refused = pull("one", &[]);
    assert!(refused.code != Some(0) && refused.stderr.contains("HF_TOKEN"), "{refused:?}");
    // Before anything is there, nothing is found without the network, and the network is not asked.
    let asked = hub.asked().len();
    let offline = pull("one", &[("HF_HUB_OFFLINE", "1"), ("HF_TOKEN", "hf_secret")]);
    assert!(offline.code != Some(0) && offline.stderr.contains("HF_HUB_OFFLINE"), "{offline:?}");
    assert_eq!(hub.asked().len(), asked);

    let pulled = pull("one", &[("HF_TOKEN", "hf_secret")]).ok();
    assert!(![pulled.stdout, pulled.stderr].concat().contains("hf_secret"));
    assert!(shared.join("hub/models--org--tiny/snapshots").join(COMMIT).is_dir(), "where other programs look for it");
    let asked = hub.asked().len();
    pull("two", &[("HF_HUB_OFFLINE", "1")]).ok();
    assert_eq!(hub.asked().len(), asked, "what is there is enough");
    let names = ids(&home);
    assert!(["one", "two"].iter().all(|name| names.iter().any(|id| id == name)), "{names:?}");
}

#[test]
fn an_empty_hub_address_is_a_clear_error() {
    let home = Home::new();
    let ran = home.command(["pull", "org/name"]).env("HF_ENDPOINT", "").output().unwrap();
    crate::common::Ran::from(ran).fails(1, &["HF_ENDPOINT"]);
    let settings = home.run(["config", "--json"]).ok().json();
    let endpoint =
        settings["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == "hub.endpoint").unwrap().clone();
    assert_eq!((&endpoint["value"], &endpoint["source"]), (&Value::Null, &"default".into()), "hf-hub knows where the hub is");
}

#[test]
fn checkpoints_and_loras_of_other_programs_are_used_as_they_lie() {
    let home = Home::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures");
    let webui = home.join("webui");
    let put = |from: std::path::PathBuf, to: &str| {
        let to = webui.join(to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    };
    put(root.join("single_file/sd1.safetensors"), "models/Stable-diffusion/toys/dream.safetensors");
    put(crate::common::tiny_lora(), "models/Lora/style/ink.safetensors");
    put(crate::common::tiny_lora(), "embeddings/easy.pt");
    put(crate::common::tiny_lora(), "models/Stable-diffusion/lora.safetensors");
    tiny_tokenizer(&webui.join("models/Stable-diffusion/toys/tokenizer"));
    home.write("webui/models/Stable-diffusion/old.ckpt", "x");
    let adapters = ["--adapters", "webui"];

    let list = home.command(["list", "--json"]).env("EASEL_ADAPTERS", "webui").output().unwrap();
    let list = crate::common::Ran::from(list).ok().json();
    let dream = list["models"].as_array().unwrap().iter().find(|model| model["id"] == "toys/dream").unwrap().clone();
    assert_eq!((&dream["outside"], &dream["family"]), (&Value::Bool(true), &"sd1".into()));
    let unusable = list["unusable"].to_string();
    assert!(unusable.contains("old.ckpt") && unusable.contains("pickle"), "{unusable}");
    assert!(unusable.contains("lora.safetensors") && unusable.contains("LoRA folder"), "{unusable}");
    let table = home.command(["list"]).env("EASEL_ADAPTERS", "webui").output().unwrap();
    let table = crate::common::Ran::from(table).ok();
    assert!(table.stdout.contains("toys/dream") && table.stderr.contains("old.ckpt"), "{table:?}");
    let shown = home.command(["show", "toys/dream"]).env("EASEL_ADAPTERS", "webui").output().unwrap();
    assert!(crate::common::Ran::from(shown).ok().stdout.contains("dream.safetensors"));
    let refused = home.command(["rm", "toys/dream"]).env("EASEL_ADAPTERS", "webui").output().unwrap();
    crate::common::Ran::from(refused).fails(3, &["another program's folder"]);
    let doctor = home.run(["doctor", "--json", "--device", "cpu", "--port", "0", "--adapters", "webui"]).json();
    let check = doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "left out").unwrap().clone();
    assert!(check["status"] == "skip" && check["message"].to_string().contains("old.ckpt"), "{check}");

    let small = ["--steps", "1", "--width", "64", "--height", "64", "--device", "cpu"];
    home.run(["generate", "a cat", "--model", "toys/dream"].iter().chain(&small).chain(&adapters)).ok();
    let server = home.serve(&["--device", "cpu", "--adapters", "webui"]);
    server.wait_until_ready();
    let get = |path: &str| call(&server, "GET", path, "", None).json();
    let models = get("/v1/models");
    assert!(models["data"].as_array().unwrap().iter().any(|model| model["id"] == "toys/dream"), "{models}");
    assert_eq!(get("/v1/models/toys/dream")["family"], "sd1");
    let loras = get("/api/v1/loras");
    assert_eq!((&loras[0]["name"], &loras[0]["word"], &loras[0]["problem"]), (&"style/ink".into(), &"ink".into(), &Value::Null));
    assert_eq!(loras[0]["bytes"].as_u64().unwrap(), std::fs::metadata(crate::common::tiny_lora()).unwrap().len());
    assert!(get("/api/v1/embeddings")[0]["problem"].as_str().unwrap().contains("pickle"));
    assert_eq!(get("/api/v1/controlnets"), serde_json::json!([]));
}

/// A tokenizer of the 96 tokens that the small single-file checkpoints have.
fn tiny_tokenizer(folder: &std::path::Path) {
    std::fs::create_dir_all(folder).unwrap();
    let characters = (b'!'..=b'~').map(|c| char::from(c).to_string());
    let words = characters.chain(["<|startoftext|>".to_owned(), "<|endoftext|>".to_owned()]);
    let vocabulary: serde_json::Map<String, Value> = words.enumerate().map(|(id, word)| (word, id.into())).collect();
    std::fs::write(folder.join("vocab.json"), Value::from(vocabulary).to_string()).unwrap();
    std::fs::write(folder.join("merges.txt"), "#version: 0.2\n").unwrap();
}
