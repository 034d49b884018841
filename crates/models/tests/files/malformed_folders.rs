//! Two hundred malformed model folders. Each must be refused quickly, without a panic, with a message that names what is wrong.
//!
//! The base is a small valid folder. A case changes one thing in a copy of it; the whole way to a loaded pipeline is tried.
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::weights_support::{
    Rng, file_bytes,
    folder::{copy_folder, write_folder, write_json, write_set},
    split,
};
use easel_models::{
    ops::cpu::CpuOps,
    pipeline::Pipeline,
    weights::{WeightSet, open_model},
};
use serde_json::{Value, json};

/// All that happens to a model between its folder and its first picture.
fn load_check(path: &Path) -> Result<(), String> {
    let files = open_model(path, None).map_err(|e| e.to_string())?;
    let ops = Arc::new(CpuOps::default());
    Pipeline::load(ops, &files).map(|_| ()).map_err(|e| e.to_string())
}

/// One malformation: what to do to the folder, and a part of the file's name that the message must have.
struct Case {
    title: String,
    names: String,
    apply: Box<dyn Fn(&Path)>,
}

fn case(title: impl Into<String>, names: impl Into<String>, apply: impl Fn(&Path) + 'static) -> Case {
    Case { title: title.into(), names: names.into(), apply: Box::new(apply) }
}

const JSON_FILES: [&str; 6] = [
    "model_index.json",
    "unet/config.json",
    "vae/config.json",
    "text_encoder/config.json",
    "scheduler/scheduler_config.json",
    "tokenizer/tokenizer_config.json",
];
const WEIGHTS: [&str; 3] =
    ["unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"];

/// Files that are not JSON objects of sane size.
fn broken_json() -> Vec<Case> {
    let contents: [(&str, Vec<u8>); 9] = [
        ("empty", Vec::new()),
        ("garbage", b"\xff\xfe\x00garbage".to_vec()),
        ("cut", b"{\"_class_name\": \"Stable".to_vec()),
        ("a list", b"[1, 2]".to_vec()),
        ("a number", b"17".to_vec()),
        ("null", b"null".to_vec()),
        ("nested lists", [b"{\"a\":".to_vec(), b"[".repeat(100_000)].concat()),
        ("nested objects", b"{\"a\":".repeat(100_000)),
        ("two megabytes", [b"{\"a\":\"".to_vec(), b"x".repeat(2 << 20), b"\"}".to_vec()].concat()),
    ];
    let mut cases = Vec::new();
    for file in JSON_FILES {
        for (title, bytes) in contents.clone() {
            cases.push(case(format!("{file}: {title}"), file, move |dir| fs::write(dir.join(file), &bytes).unwrap()));
        }
        cases.push(case(format!("{file}: a folder"), file, move |dir| {
            fs::remove_file(dir.join(file)).unwrap();
            fs::create_dir(dir.join(file)).unwrap();
        }));
        if file != "tokenizer/tokenizer_config.json" {
            cases.push(case(format!("{file}: gone"), file, move |dir| fs::remove_file(dir.join(file)).unwrap()));
        }
    }
    cases
}

/// Links to places that must not be read, or that never end.
fn links() -> Vec<Case> {
    let mut cases = Vec::new();
    if cfg!(unix) {
        for file in JSON_FILES[..4].iter().chain(&WEIGHTS) {
            for target in ["/dev/zero", "/nowhere", "."] {
                cases.push(case(format!("{file} -> {target}"), *file, move |dir| link(target, &dir.join(file))));
            }
        }
        cases.push(case("unet -> itself", "unet", |dir| {
            fs::remove_dir_all(dir.join("unet")).unwrap();
            link("unet", &dir.join("unet"));
        }));
        cases.push(case("weights -> /etc/passwd", "vae/", |dir| link("/etc/passwd", &dir.join(WEIGHTS[1]))));
    }
    cases
}

#[cfg(unix)]
fn link(target: &str, at: &Path) {
    let _old = fs::remove_file(at);
    std::os::unix::fs::symlink(target, at).unwrap();
}

#[cfg(not(unix))]
fn link(_target: &str, _at: &Path) {}

/// Pipelines that are none of ours, or that point elsewhere.
fn wrong_index() -> Vec<Case> {
    let fields: [(&str, Value); 14] = [
        ("_class_name", json!("FluxPipeline")),
        ("_class_name", json!("StableDiffusion3Pipeline")),
        ("_class_name", json!("../../evil")),
        ("_class_name", json!(7)),
        ("_class_name", Value::Null),
        ("unet", json!(["diffusers", "../../x"])),
        ("unet", json!([null, null])),
        ("unet", json!("unet")),
        ("unet", json!(["../evil", "Evil"])),
        ("vae", json!(["diffusers", "AutoencoderTiny"])),
        ("text_encoder", json!(["transformers", "T5EncoderModel"])),
        ("text_encoder", json!([])),
        ("../outside", json!(["diffusers", "UNet2DConditionModel"])),
        ("/etc", json!(["diffusers", "UNet2DConditionModel"])),
    ];
    let changed = |(field, value): (&'static str, Value)| {
        case(format!("model_index.json: {field} = {value}"), "model_index.json", move |dir| {
            change(dir, "model_index.json", field, &value);
        })
    };
    fields.into_iter().map(changed).collect()
}

fn change(dir: &Path, file: &str, field: &str, value: &Value) {
    let path = dir.join(file);
    let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    json[field] = value.clone();
    write_json(&path, &json);
}

/// Fields of the wrong type, or of absurd value.
fn wrong_fields() -> Vec<Case> {
    let fields: [(&str, &str, Value); 46] = [
        ("unet", "block_out_channels", json!("8")),
        ("unet", "block_out_channels", json!([])),
        ("unet", "block_out_channels", json!([8, 16])),
        ("unet", "block_out_channels", json!([0, 16, 16])),
        ("unet", "block_out_channels", json!([1u64 << 62, 16, 16])),
        ("unet", "block_out_channels", json!([8, -16, 16])),
        ("unet", "block_out_channels", json!([8.5, 16, 16])),
        ("unet", "layers_per_block", json!(0)),
        ("unet", "layers_per_block", json!(u64::MAX)),
        ("unet", "layers_per_block", json!(1e300)),
        ("unet", "attention_head_dim", json!(0)),
        ("unet", "attention_head_dim", json!(7)),
        ("unet", "norm_num_groups", json!(0)),
        ("unet", "norm_num_groups", json!(5)),
        ("unet", "cross_attention_dim", json!(u64::MAX)),
        ("unet", "in_channels", json!(u64::MAX)),
        ("unet", "down_block_types", json!(["EvilBlock"])),
        ("unet", "up_block_types", json!([[[]]])),
        ("unet", "transformer_layers_per_block", json!([1])),
        ("unet", "sample_size", json!(0)),
        ("unet", "act_fn", json!("eval")),
        ("vae", "block_out_channels", json!(null)),
        ("vae", "block_out_channels", json!([1u64 << 40, 8, 16])),
        ("vae", "layers_per_block", json!("two")),
        ("vae", "latent_channels", json!(0)),
        ("vae", "norm_num_groups", json!(0)),
        ("vae", "scaling_factor", json!(0)),
        ("vae", "scaling_factor", json!("NaN")),
        ("text_encoder", "hidden_size", json!(0)),
        ("text_encoder", "hidden_size", json!(u64::MAX)),
        ("text_encoder", "num_attention_heads", json!(0)),
        ("text_encoder", "num_attention_heads", json!(3)),
        ("text_encoder", "num_hidden_layers", json!(1u64 << 50)),
        ("text_encoder", "vocab_size", json!(u64::MAX)),
        ("text_encoder", "max_position_embeddings", json!(0)),
        ("text_encoder", "hidden_act", json!({ "a": 1 })),
        ("scheduler", "beta_start", json!("small")),
        ("scheduler", "beta_end", json!(-1)),
        ("scheduler", "beta_end", json!(1e300)),
        ("scheduler", "beta_schedule", json!("evil")),
        ("scheduler", "prediction_type", json!("evil")),
        ("scheduler", "prediction_type", json!(["epsilon"])),
        ("scheduler", "num_train_timesteps", json!(0)),
        ("scheduler", "num_train_timesteps", json!(-5)),
        ("scheduler", "num_train_timesteps", json!(u64::MAX)),
        ("scheduler", "timestep_spacing", json!({})),
    ];
    let changed = |(component, field, value): (&'static str, &'static str, Value)| {
        // The schedule is checked where it is made, which knows the field and not the file.
        let names = if component == "scheduler" { field.split_once('_').map_or(field, |(first, _)| first) } else { component };
        case(format!("{component}: {field} = {value}"), names, move |dir| {
            let name = if component == "scheduler" { "scheduler_config.json" } else { "config.json" };
            change(dir, &format!("{component}/{name}"), field, &value);
        })
    };
    fields.into_iter().map(changed).collect()
}

/// Weights that are cut, lying, of another kind, or in shards that are not there.
fn wrong_weights() -> Vec<Case> {
    let mut cases = Vec::new();
    for file in WEIGHTS {
        let (folder, name) = file.split_once('/').unwrap();
        let index = format!("{folder}/{name}.index.json");
        let mut bytes = |title: &str, change: fn(Vec<u8>) -> Vec<u8>| {
            cases.push(case(format!("{file}: {title}"), file, move |dir| {
                let path = dir.join(file);
                fs::write(&path, change(fs::read(&path).unwrap())).unwrap();
            }));
        };
        bytes("empty", |_| Vec::new());
        bytes("cut in the header", |bytes| bytes[..100].to_vec());
        bytes("cut in the data", |bytes| bytes[..bytes.len() - 7].to_vec());
        bytes("bytes too many", |bytes| [bytes, vec![0; 8]].concat());
        bytes("giant header", |bytes| [&u64::MAX.to_le_bytes()[..], &bytes[8..]].concat());
        bytes("a pickle inside", |_| b"PK\x03\x04 and so on".to_vec());
        bytes("a doubled key", |bytes| {
            let (header, data) = split(&bytes);
            let (_, entry) = header.split_once(':').unwrap();
            let entry = &entry[..=entry.find('}').unwrap()];
            file_bytes(
                &format!("{},\"x\":{entry},\"x\":{entry}}}", header.trim_end().trim_end_matches('}').to_owned() + "}"),
                &data,
            )
        });
        cases.push(case(format!("{file}: gone"), folder, move |dir| fs::remove_file(dir.join(file)).unwrap()));
        cases.push(case(format!("{file}: only a pickle"), format!("{folder}/pytorch_model.bin"), move |dir| {
            fs::rename(dir.join(file), dir.join(folder).join("pytorch_model.bin")).unwrap();
        }));
        for shard in ["../../../../etc/passwd", "/etc/passwd", "gone.safetensors", "model.bin"] {
            let (index, names) = (index.clone(), folder.to_owned());
            cases.push(case(format!("{index}: {shard}"), names, move |dir| {
                fs::remove_file(dir.join(file)).unwrap();
                write_json(&dir.join(&index), &json!({ "weight_map": { "a": shard } }));
            }));
        }
        let resave = move |dir: &Path, keep: &dyn Fn(&str, &mut Vec<usize>) -> bool| {
            let (path, fresh) = (dir.join(file), dir.join("fresh"));
            write_set(&fresh, &WeightSet::open_file(&path).unwrap(), keep);
            fs::rename(fresh, path).unwrap();
        };
        let weight = |name: &str| name.ends_with("weight");
        cases.push(case(format!("{file}: a tensor gone"), file, move |dir| {
            let mut rng = Rng::new(file.len() as u64);
            let set = WeightSet::open_file(&dir.join(file)).unwrap();
            let names: Vec<String> = set.names().map(str::to_owned).collect();
            let gone = names[rng.below(names.len())].clone();
            resave(dir, &|name, _| name != gone);
        }));
        cases.push(case(format!("{file}: transposed shapes"), file, move |dir| {
            resave(dir, &|name, shape| {
                if weight(name) && matches!(shape.len(), 2 | 4) {
                    shape.swap(0, 1);
                }
                true
            });
        }));
        cases.push(case(format!("{file}: flat shapes"), file, move |dir| {
            resave(dir, &|name, shape| {
                if weight(name) {
                    *shape = vec![shape.iter().product()];
                }
                true
            });
        }));
    }
    cases
}

fn wrong_tokenizers() -> Vec<Case> {
    let gone = |title: &str, files: &'static [&'static str]| {
        case(title, "tokenizer", move |dir| files.iter().for_each(|file| fs::remove_file(dir.join(file)).unwrap()))
    };
    vec![
        gone("no vocabulary", &["tokenizer/vocab.json"]),
        gone("no merges", &["tokenizer/merges.txt"]),
        gone("no tokenizer at all", &["tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json"]),
        case("garbled vocabulary", "tokenizer", |dir| fs::write(dir.join("tokenizer/vocab.json"), b"{\"a\":").unwrap()),
        case("vocabulary of strings", "tokenizer", |dir| write_json(&dir.join("tokenizer/vocab.json"), &json!({ "a": "b" }))),
        case("garbled merges", "tokenizer", |dir| fs::write(dir.join("tokenizer/merges.txt"), b"\xff\xfe").unwrap()),
    ]
}

#[test]
fn two_hundred_malformed_folders() {
    let root = tempfile::tempdir().unwrap();
    let base = root.path().join("base");
    write_folder(&base);
    load_check(&base).expect("the base is valid");

    let cases: Vec<Case> = [broken_json(), links(), wrong_index(), wrong_fields(), wrong_weights(), wrong_tokenizers()]
        .into_iter()
        .flatten()
        .collect();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let dir = root.path().join("case");
        copy_folder(&base, &dir);
        (case.apply)(&dir);
        let started = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| load_check(&dir)));
        if started.elapsed() > Duration::from_secs(5) {
            wrong.push(format!("{}: took {:?}", case.title, started.elapsed()));
        }
        match result {
            Err(_) => wrong.push(format!("{}: panicked", case.title)),
            Ok(Ok(())) => wrong.push(format!("{}: accepted", case.title)),
            Ok(Err(message)) if !message.contains(&case.names) => {
                wrong.push(format!("{}: does not name {}: {message}", case.title, case.names))
            }
            Ok(Err(message)) if message.len() > 2000 || message.chars().any(|c| c.is_control() && c != '\n') => {
                wrong.push(format!("{}: unreadable message", case.title));
            }
            Ok(Err(_)) => {}
        }
        fs::remove_dir_all(&dir).unwrap();
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
