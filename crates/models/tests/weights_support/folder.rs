//! A small valid diffusers folder, written from the single-file fixture of 1.x: the two layouts hold the same tensors.

use std::{fs, path::Path};

use easel_models::weights::{ModelFiles, WeightSet, open_model};
use serde_json::{Value, json};

use super::{Writer, fixture, tokenizer};

pub fn write_folder(dir: &Path) {
    let scratch = tempfile::tempdir().unwrap();
    let checkpoint = scratch.path().join("sd1.safetensors");
    fs::copy(fixture("single_file/sd1.safetensors"), &checkpoint).unwrap();
    tokenizer(&scratch.path().join("tokenizer"), 96);
    let files = open_model(&checkpoint, None).unwrap();
    write_parts(dir, &files);
    tokenizer(&dir.join("tokenizer"), 96);
    let index = json!({
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "safety_checker": [null, null],
    });
    write_json(&dir.join("model_index.json"), &index);
    write_json(&dir.join("scheduler/scheduler_config.json"), &files.scheduler_config);
    write_json(&dir.join("tokenizer/tokenizer_config.json"), &json!({ "pad_token": files.tokenizer.pad_token }));
}

fn write_parts(dir: &Path, files: &ModelFiles) {
    for (component, base, set, config) in [
        ("unet", "diffusion_pytorch_model", &files.unet, &files.unet_config),
        ("vae", "diffusion_pytorch_model", &files.vae, &files.vae_config),
        ("text_encoder", "model", &files.text_encoder, &files.text_encoder_config),
    ] {
        write_set(&dir.join(component).join(format!("{base}.safetensors")), set, |_, _| true);
        write_json(&dir.join(component).join("config.json"), config);
    }
}

/// Writes the tensors that `keep` accepts; it may change the shape.
pub fn write_set(path: &Path, set: &WeightSet, keep: impl Fn(&str, &mut Vec<usize>) -> bool) {
    let mut writer = Writer::default();
    for name in set.names() {
        let (dtype, shape, bytes) = set.raw(name).unwrap();
        let mut shape = shape.to_vec();
        if keep(name, &mut shape) {
            writer = writer.tensor(name, dtype.name(), &shape, &bytes);
        }
    }
    writer.write(path);
}

pub fn write_json(path: &Path, value: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, serde_json::to_vec_pretty(value).unwrap()).unwrap();
}

/// A folder tree copied as it is.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(|_| ()).unwrap()
        }
    }
}
