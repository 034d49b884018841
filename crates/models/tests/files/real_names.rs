//! Our mapping against every name and shape of the real checkpoints: 1.5, 1.5 inpainting, 2.1 and XL base.
//!
//! `fixtures/single_file/names.py` made the list from models of the true size. The checkpoints here are files of the true size as well,
//! but sparse: only the header is written, the gigabytes behind it are holes that nothing reads.
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::{fs::File, io::Read, io::Write, path::Path};

use crate::weights_support::{fixture, tokenizer};
use easel_models::weights::{Family, WeightSet, open_model};
use serde_json::{Map, Value, json};

fn known() -> Value {
    let mut text = String::new();
    flate2::read::GzDecoder::new(File::open(fixture("single_file/names.json.gz")).unwrap()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Writes a header for all tensors as F16 and leaves the data a hole.
fn sparse(path: &Path, shapes: &Map<String, Value>) {
    let mut at = 0;
    let mut header = Map::new();
    for (name, shape) in shapes {
        let bytes = 2 * shape.as_array().unwrap().iter().map(|d| d.as_u64().unwrap()).product::<u64>();
        header.insert(name.clone(), json!({ "dtype": "F16", "shape": shape, "data_offsets": [at, at + bytes] }));
        at += bytes;
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = File::create(path).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(8 + header.len() as u64 + at).unwrap();
}

fn assert_names(model: &str, part: &str, set: &WeightSet, want: &Value) {
    let want = want["tensors"].as_object().unwrap();
    for (name, shape) in want {
        assert_eq!(set.shape(name).map(|shape| json!(shape)).as_ref(), Some(shape), "{model} {part} {name}");
    }
    assert_eq!(set.names().count(), want.len(), "{model} {part}");
}

fn assert_fields(model: &str, ours: &Value, want: &Value, fields: &[&str]) {
    for field in fields {
        assert_eq!(ours[*field], want["config"][*field], "{model} {field}");
    }
}

const UNET: [&str; 13] = [
    "sample_size",
    "in_channels",
    "out_channels",
    "block_out_channels",
    "down_block_types",
    "up_block_types",
    "layers_per_block",
    "cross_attention_dim",
    "attention_head_dim",
    "use_linear_projection",
    "transformer_layers_per_block",
    "norm_num_groups",
    "norm_eps",
];
const XL: [&str; 3] = ["addition_embed_type", "addition_time_embed_dim", "projection_class_embeddings_input_dim"];
const VAE: [&str; 9] = [
    "block_out_channels",
    "layers_per_block",
    "latent_channels",
    "in_channels",
    "out_channels",
    "norm_num_groups",
    "scaling_factor",
    "down_block_types",
    "use_quant_conv",
];
const TEXT: [&str; 7] = [
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "hidden_act",
    "max_position_embeddings",
];

#[test]
fn every_name_shape_and_configuration_of_the_real_checkpoints() {
    let known = known();
    for (model, family) in [("sd1", Family::Sd1), ("sd1_inpaint", Family::Sd1), ("sd2", Family::Sd2), ("sdxl", Family::Sdxl)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("{model}.safetensors"));
        let want = &known[model];
        sparse(&path, want["original"].as_object().unwrap());
        tokenizer(&dir.path().join("tokenizer"), 49408);
        let files = open_model(&path, None).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(files.family, family, "{model}");
        assert_names(model, "unet", &files.unet, &want["unet"]);
        assert_names(model, "vae", &files.vae, &want["vae"]);
        assert_names(model, "text", &files.text_encoder, &want["text"]);
        assert_fields(model, &files.unet_config, &want["unet"], &UNET);
        assert_fields(model, &files.vae_config, &want["vae"], &VAE);
        assert_fields(model, &files.text_encoder_config, &want["text"], &TEXT);
        if family == Family::Sdxl {
            assert_fields(model, &files.unet_config, &want["unet"], &XL);
            assert_names(model, "text_2", files.text_encoder_2.as_ref().unwrap(), &want["text_2"]);
            assert_fields(model, files.text_encoder_2_config.as_ref().unwrap(), &want["text_2"], &TEXT);
        }
    }
}
