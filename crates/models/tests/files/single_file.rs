//! Single-file checkpoints: the small ones in `fixtures/single_file` (see `make.py` there) must turn into exactly the tensors of the
//! diffusers models they were made from, which diffusers' own conversion confirmed when they were made.
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::weights_support::{Writer, file_bytes, fixture, split, tokenizer};
use easel_models::weights::{Family, ModelFiles, OpenOptions, WeightSet, open_model, open_model_with};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Copies a fixture beside a tokenizer of its 96 tokens.
fn place(name: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(format!("{name}.safetensors"));
    std::fs::copy(fixture(&format!("single_file/{name}.safetensors")), &path).unwrap();
    tokenizer(&dir.path().join("tokenizer"), 96);
    (dir, path)
}

fn expected(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(&format!("single_file/{name}.json"))).unwrap()).unwrap()
}

/// Same names, same shapes, same bytes.
fn assert_tensors(set: &WeightSet, want: &Value, text: bool) {
    let want = want["tensors"].as_object().unwrap();
    assert_eq!(set.names().count(), want.len());
    for (name, described) in want {
        let (_, shape, bytes) = set.raw(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(json!(shape), described[0], "{name}");
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(json!(digest), described[1], "{name}");
        if text && !name.starts_with("text_projection") {
            assert!(set.contains(&format!("text_model.{name}")), "{name}");
        }
    }
    assert!(set.unused().is_empty(), "{:?}", set.unused());
}

/// Every field of ours that diffusers' configuration has must have its value.
fn assert_config(ours: &Value, want: &Value, ignored: &[&str]) {
    for (field, value) in ours.as_object().unwrap() {
        if let Some(wanted) = want["config"].get(field).filter(|_| !ignored.contains(&field.as_str())) {
            assert_eq!(&each(value), &each(wanted), "{field}");
        }
    }
}

/// diffusers writes one number or a list of equal ones; both mean the same.
fn each(value: &Value) -> Value {
    match value.as_array().map(Vec::as_slice) {
        Some([first, rest @ ..]) if rest.iter().all(|other| other == first) => first.clone(),
        _ => value.clone(),
    }
}

fn assert_model(files: &ModelFiles, want: &Value) {
    assert_tensors(&files.unet, &want["unet"], false);
    assert_tensors(&files.vae, &want["vae"], false);
    assert_tensors(&files.text_encoder, &want["text"], true);
    assert_config(&files.unet_config, &want["unet"], &["sample_size", "_class_name"]);
    assert_config(&files.vae_config, &want["vae"], &["sample_size", "_class_name"]);
    assert_config(&files.text_encoder_config, &want["text"], &["architectures"]);
    assert_eq!(files.text_encoder_2.is_some(), want.get("text_2").is_some());
    if let (Some(set), Some(config)) = (&files.text_encoder_2, &files.text_encoder_2_config) {
        assert_tensors(set, &want["text_2"], true);
        assert_config(config, &want["text_2"], &["architectures"]);
    }
}

#[test]
fn every_family_equals_its_diffusers_folder_bit_for_bit() {
    for (name, family) in [("sd1", Family::Sd1), ("inpaint", Family::Sd1), ("sd2", Family::Sd2), ("sdxl", Family::Sdxl)] {
        let (_dir, path) = place(name);
        let files = open_model(&path, None).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(files.family, family, "{name}");
        assert_model(&files, &expected(name));
    }
}

#[test]
fn an_autoencoder_beside_the_checkpoint_counts_more_than_the_one_inside() {
    let (_dir, path) = place("sd1");
    let inside = open_model(&path, None).unwrap();
    // The same autoencoder in a file of its own, with other numbers.
    let (header, data) = split(&std::fs::read(&path).unwrap());
    let header: BTreeMap<String, Value> = serde_json::from_str(&header).unwrap();
    let prefix = "first_stage_model.";
    let mut vae = Writer::default();
    for (name, entry) in header.iter().filter_map(|(name, entry)| Some((name.strip_prefix(prefix)?, entry))) {
        let place = |at: usize| entry["data_offsets"][at].as_u64().unwrap() as usize;
        let shape: Vec<usize> = entry["shape"].as_array().unwrap().iter().map(|side| side.as_u64().unwrap() as usize).collect();
        let bytes: Vec<u8> = data[place(0)..place(1)].iter().map(|byte| byte ^ 1).collect();
        vae = vae.tensor(name, entry["dtype"].as_str().unwrap(), &shape, &bytes);
    }
    vae.write(&path.with_file_name("sd1.vae.safetensors"));
    let beside = open_model(&path, None).unwrap();
    let names: Vec<_> = inside.vae.names().collect();
    assert_eq!(names, beside.vae.names().collect::<Vec<_>>());
    for name in names {
        let ((.., before), (.., after)) = (inside.vae.raw(name).unwrap(), beside.vae.raw(name).unwrap());
        assert!(before.iter().zip(after.iter()).all(|(before, after)| before ^ 1 == *after), "{name}");
    }
    assert_eq!(inside.vae_config, beside.vae_config);
    // A checkpoint that has none needs the one beside it.
    let (_other, bare) = edited("sd1", |header, _| {
        let renamed = |(name, entry): (String, Value)| (name.replace(prefix, "something_else."), entry);
        *header = std::mem::take(header).into_iter().map(renamed).collect();
    });
    assert!(open_model(&bare, None).unwrap_err().to_string().contains("no autoencoder"));
    std::fs::copy(path.with_file_name("sd1.vae.safetensors"), bare.with_file_name("sd1.vae.safetensors")).unwrap();
    assert_eq!(open_model(&bare, None).unwrap().vae_config, beside.vae_config);
}

#[test]
fn what_is_left_over_is_known() {
    let left = |name: &str| open_model(&place(name).1, None).map(|files| files.unmapped).unwrap_or_default();
    assert_eq!(left("sd1"), [""; 0]);
    assert_eq!(left("sdxl"), ["conditioner.embedders.1.model.logit_scale"]);
    let sd2 = left("sd2");
    assert!(
        sd2.iter()
            .all(|name| name.contains("resblocks.2.") || name.ends_with("logit_scale") || name.ends_with("text_projection")),
        "{sd2:?}"
    );
    assert_eq!(sd2.len(), 12 + 2, "the last layer, the projection and the scale are not used by 2.x");
}

#[test]
fn schedules_and_tokenizers_follow_the_family() {
    let open = |name: &str| open_model(&place(name).1, None).unwrap();
    let prediction = |files: &ModelFiles| files.scheduler_config["prediction_type"].clone();
    let (sd1, sd2, xl) = (open("sd1"), open("sd2"), open("sdxl"));
    assert_eq!(
        (prediction(&sd1), prediction(&sd2), prediction(&xl)),
        (json!("epsilon"), json!("v_prediction"), json!("epsilon"))
    );
    assert_eq!([&sd1, &sd2, &xl].map(|files| files.unet_config["sample_size"].clone()), [json!(64), json!(96), json!(128)]);
    assert_eq!(xl.vae_config["scaling_factor"], json!(0.13025));
    assert_eq!(xl.model_index["force_zeros_for_empty_prompt"], json!(true));
    assert_eq!((sd1.tokenizer.pad_token, sd2.tokenizer.pad_token), (Some("<|endoftext|>"), Some("!")));
    assert_eq!(xl.tokenizer_2.as_ref().unwrap().pad_token, Some("!"));
    assert_eq!(
        (open("inpaint").unet_config["in_channels"].clone(), sd2.text_encoder_config["hidden_act"].clone()),
        (json!(9), json!("gelu"))
    );
}

/// The fixture with tensors and metadata added or removed.
fn edited(name: &str, edit: impl FnOnce(&mut BTreeMap<String, Value>, &mut Vec<u8>)) -> (tempfile::TempDir, PathBuf) {
    let (dir, path) = place(name);
    let (header, mut data) = split(&std::fs::read(&path).unwrap());
    let mut header: BTreeMap<String, Value> = serde_json::from_str(&header).unwrap();
    edit(&mut header, &mut data);
    std::fs::write(&path, file_bytes(&serde_json::to_string(&header).unwrap(), &data)).unwrap();
    (dir, path)
}

fn rename(header: &mut BTreeMap<String, Value>, change: impl Fn(&str) -> String) {
    *header = std::mem::take(header).into_iter().map(|(name, entry)| (change(&name), entry)).collect();
}

#[test]
fn marks_of_velocity_and_noise_models_are_heeded() {
    let empty = |header: &mut BTreeMap<String, Value>, data: &mut Vec<u8>, name: &str| {
        header.insert(name.to_owned(), json!({ "dtype": "F32", "shape": [0], "data_offsets": [data.len(), data.len()] }));
    };
    let (_dir, path) = edited("sdxl", |header, data| {
        empty(header, data, "v_pred");
        empty(header, data, "ztsnr");
    });
    let files = open_model(&path, None).unwrap();
    assert_eq!(files.scheduler_config["prediction_type"], json!("v_prediction"));
    assert_eq!(files.scheduler_config["rescale_betas_zero_snr"], json!(true));

    let (_dir, path) = edited("sd2", |header, data| {
        header.insert("global_step".into(), json!({ "dtype": "I64", "shape": [], "data_offsets": [data.len(), data.len() + 8] }));
        data.extend_from_slice(&875_000i64.to_le_bytes());
    });
    assert_eq!(open_model(&path, None).unwrap().scheduler_config["prediction_type"], json!("epsilon"));

    for (key, value) in [("modelspec.prediction_type", "epsilon"), ("modelspec.architecture", "stable-diffusion-v2-512")] {
        let (_dir, path) = edited("sd2", |header, _| header.get_mut("__metadata__").unwrap()[key] = json!(value));
        let files = open_model(&path, None).unwrap();
        assert_eq!(
            (&files.scheduler_config["prediction_type"], &files.unet_config["sample_size"]),
            (&json!("epsilon"), &json!(64)),
            "{key}"
        );
    }
}

#[test]
fn sidecars_override() {
    let (_dir, path) = place("sd2");
    std::fs::write(path.with_extension("yaml"), "model:\n  params:\n    parameterization: 'eps'\n").unwrap();
    assert_eq!(open_model(&path, None).unwrap().scheduler_config["prediction_type"], json!("epsilon"));
    let sidecar = "prediction_type = \"v_prediction\"\nnote = \"mine\"\n[unet_config]\nsample_size = 12\n[scheduler_config]\nbeta_end = 0.02\n";
    std::fs::write(path.with_extension("toml"), sidecar).unwrap();
    let files = open_model(&path, None).unwrap();
    assert_eq!(files.scheduler_config["prediction_type"], json!("v_prediction"));
    assert_eq!((&files.unet_config["sample_size"], &files.scheduler_config["beta_end"]), (&json!(12), &json!(0.02)));
    for wrong in ["unet_config = 1", "prediction_type = \"x\"", "tokenizer = \"../up\"", "= broken", "tokenizer = 3"] {
        std::fs::write(path.with_extension("toml"), wrong).unwrap();
        let message = open_model(&path, None).unwrap_err().to_string();
        assert!(message.contains("sd2.toml"), "{wrong}: {message}");
    }
}

#[test]
fn a_fitting_tokenizer_is_found_and_another_is_not_taken() {
    let (dir, path) = place("sdxl");
    std::fs::remove_dir_all(dir.path().join("tokenizer")).unwrap();
    let message = open_model(&path, None).unwrap_err().to_string();
    assert!(message.contains("sdxl.safetensors") && message.contains("easel pull") && message.contains("96 tokens"), "{message}");

    let root = tempfile::tempdir().unwrap();
    let options = OpenOptions { roots: vec![root.path().to_owned()], ..OpenOptions::default() };
    tokenizer(&root.path().join("other/tokenizer"), 50);
    let message = open_model_with(&path, &options).unwrap_err().to_string();
    assert!(message.contains("has 50"), "{message}");
    tokenizer(&root.path().join("tiny/tokenizer"), 96);
    assert_eq!(open_model_with(&path, &options).unwrap().tokenizer.dir, root.path().join("tiny/tokenizer"));
    tokenizer(&root.path().join("tokenizers/clip"), 96);
    assert_eq!(open_model_with(&path, &options).unwrap().tokenizer.dir, root.path().join("tokenizers/clip"));
    std::fs::write(path.with_extension("toml"), "tokenizer = \"mine\"").unwrap();
    tokenizer(&dir.path().join("mine"), 96);
    assert_eq!(open_model_with(&path, &options).unwrap().tokenizer.dir, dir.path().join("mine"));
}

#[test]
fn other_spellings_of_the_same_layout() {
    // Text encoder without `text_model.`, as newer exports have it.
    let (_dir, path) = edited("sd1", |header, _| rename(header, |name| name.replace("transformer.text_model.", "transformer.")));
    assert_model(&open_model(&path, None).unwrap(), &expected("sd1"));
    // The autoencoder's attention already as linear layers, and under another prefix.
    let (_dir, path) = edited("sd1", |header, _| {
        rename(header, |name| name.replace("first_stage_model.", "vae."));
        for (name, entry) in
            header.iter_mut().filter(|(name, _)| name.contains("attn_1") && name.ends_with("weight") && !name.contains("norm"))
        {
            entry["shape"].as_array_mut().unwrap_or_else(|| panic!("{name}")).truncate(2);
        }
    });
    assert_model(&open_model(&path, None).unwrap(), &expected("sd1"));
    // A folder that holds just the file, which is how the library keeps it.
    let (dir, path) = place("sd1");
    assert_eq!(open_model(dir.path(), None).unwrap().path, path);
}

#[test]
fn what_is_not_supported_says_what_it_is() {
    let refused = |name: &str, edit: &dyn Fn(&mut BTreeMap<String, Value>)| {
        let (_dir, path) = edited(name, |header, _| edit(header));
        let message = open_model(&path, None).unwrap_err().to_string();
        assert!(message.contains(&format!("{name}.safetensors")), "{message}");
        message
    };
    let to = |from: &'static str, to: &'static str| {
        move |header: &mut BTreeMap<String, Value>| rename(header, |name| name.replace(from, to))
    };
    let refiner = |header: &mut BTreeMap<String, Value>| {
        rename(header, |name| name.replace("embedders.0.transformer", "old").replace("embedders.1.model", "embedders.0.model"));
    };
    assert!(refused("sdxl", &refiner).contains("refiner"));
    assert!(refused("sd1", &to("cond_stage_model.", "x.")).contains("no text encoder"));
    assert!(refused("sd1", &to("first_stage_model.", "x.")).contains("no autoencoder"));
    assert!(refused("sd1", &to("model.diffusion_model.", "control_model.")).contains("ControlNet"));
    assert!(refused("sd1", &to("model.diffusion_model.", "lora_unet_")).contains("LoRA"));
    assert!(refused("sd1", &to("model.diffusion_model.", "a.")).contains("unknown kind"));
    assert!(refused("sdxl", &to("conditioner.embedders.1.model.logit_scale", "edm_mean")).contains("EDM"));
    assert!(refused("sd1", &to("time_embed.0", "time_embed.9")).contains("time_embed.0"));
    assert!(refused("sd1", &to("input_blocks.3.", "input_blocks.30.")).contains("not numbered"));
    assert!(refused("sd1", &to("output_blocks.8.", "output_blocks.7.9.")).contains("output_blocks"));
    assert!(refused("sd1", &to("in_layers.0", "in_layers.7")).contains("not a part of"));
    assert!(refused("sd1", &to("middle_block.1.", "middle_block.5.")).contains("middle"));
    assert!(refused("sd1", &to("decoder.up.2.", "decoder.up.9.")).contains("incomplete"));
    assert!(refused("sd1", &to("decoder.mid.attn_1.q.", "decoder.mid.attn_1.z.")).contains("not a part of"));
    assert!(refused("sd2", &to("resblocks.1.", "resblocks.4.")).contains("incomplete"));
    assert!(refused("sd2", &to("attn.in_proj_weight", "attn.in_proj_x")).contains("not a part of"));
    assert!(refused("sdxl", &to("label_emb.0.2", "label_emb.0.3")).contains("label_emb.0.2"));
}

#[test]
fn other_files_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for (name, reason) in [("model.ckpt", "pickle"), ("model.pt", "pickle"), ("model.gguf", "GGUF")] {
        let path = dir.path().join(name);
        std::fs::write(&path, b"x").unwrap();
        let message = open_model(&path, None).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains(reason), "{message}");
    }
    assert!(
        open_model(Path::new("/nowhere/model.safetensors"), None).unwrap_err().to_string().contains("/nowhere/model.safetensors")
    );
    let path = Writer::default().counting("lora_unet_x.alpha", &[1]).write(&dir.path().join("l.safetensors"));
    assert!(open_model(&path, None).unwrap_err().to_string().contains("LoRA"));
}
