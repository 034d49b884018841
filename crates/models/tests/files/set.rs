//! Weight sets: conversions, shapes, spellings, components of a diffusers folder.
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::weights_support::Writer;
use easel_models::weights::{Change, Dtype, View, WeightFile, WeightSet, WeightsError};

fn message<T>(result: Result<T, WeightsError>) -> String {
    result.err().expect("this must fail").to_string()
}

#[test]
fn converts_checks_and_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = Writer::default()
        .counting("w", &[2, 3])
        .tensor("h", "BF16", &[2], &[0x80, 0x3f, 0x00, 0xc0])
        .tensor("ids", "I64", &[1], &[0; 8])
        .write(&dir.path().join("m.safetensors"));
    let set = WeightSet::open_file(&path).unwrap();
    assert_eq!(set.f32("w", &[2, 3]).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(set.f32("h", &[2]).unwrap(), [1.0, -2.0]);
    assert_eq!((set.dtype("h"), set.shape("w")), (Some(Dtype::Bf16), Some(&[2, 3][..])));
    assert_eq!(set.raw("h").unwrap().2.as_ref(), [0x80, 0x3f, 0x00, 0xc0]);
    for (wrong, parts) in [
        (message(set.f32("w", &[3, 2])), ["m.safetensors", "\"w\"", "[2, 3]", "[3, 2]"]),
        (message(set.f32("gone", &[1])), ["m.safetensors", "\"gone\"", "missing", ""]),
        (message(set.f32("ids", &[1])), ["m.safetensors", "\"ids\"", "I64", "floating-point"]),
    ] {
        assert!(parts.iter().all(|part| wrong.contains(part)), "{wrong}");
    }
}

#[test]
fn a_matrix_answers_for_a_1x1_convolution() {
    let dir = tempfile::tempdir().unwrap();
    let path = Writer::default()
        .counting("conv", &[2, 3, 1, 1])
        .counting("linear", &[2, 3])
        .counting("k3", &[2, 3, 3, 1])
        .write(&dir.path().join("m.safetensors"));
    let set = WeightSet::open_file(&path).unwrap();
    assert_eq!(set.f32("conv", &[2, 3]).unwrap(), set.f32("linear", &[2, 3, 1, 1]).unwrap());
    assert!(set.f32("conv", &[3, 2]).is_err());
    assert!(set.f32("k3", &[2, 9]).is_err(), "only 1x1 kernels are matrices");
    assert!(set.f32("conv", &[6]).is_err());
}

#[test]
fn spellings_of_other_versions_resolve() {
    let dir = tempfile::tempdir().unwrap();
    let old = "decoder.mid_block.attentions.0.";
    let path = Writer::default()
        .counting("encoder.layers.0.mlp.fc1.weight", &[2, 2])
        .counting("text_model.final_layer_norm.bias", &[2])
        .counting("text_model.embeddings.position_ids", &[1, 2])
        .counting(&format!("{old}query.weight"), &[2, 2, 1, 1])
        .counting(&format!("{old}proj_attn.bias"), &[2])
        .counting("encoder.mid_block.attentions.0.to_k.bias", &[2])
        .counting("never.asked", &[1])
        .write(&dir.path().join("m.safetensors"));
    let set = WeightSet::open_file(&path).unwrap();
    for (name, shape) in [
        ("text_model.encoder.layers.0.mlp.fc1.weight", &[2, 2][..]),
        ("final_layer_norm.bias", &[2]),
        ("decoder.mid_block.attentions.0.to_q.weight", &[2, 2]),
        ("decoder.mid_block.attentions.0.to_out.0.bias", &[2]),
        ("encoder.mid_block.attentions.0.key.bias", &[2]),
    ] {
        assert!(set.contains(name), "{name}");
        set.f32(name, shape).unwrap();
    }
    assert!(!set.contains("text_model.encoder.layers.1.mlp.fc1.weight"));
    assert_eq!(set.unused(), ["never.asked"]);
}

#[test]
fn views_slice_and_transpose() {
    let dir = tempfile::tempdir().unwrap();
    let path = Writer::default()
        .counting("w", &[3, 2])
        .counting("b", &[3])
        .counting("none", &[0, 2])
        .write(&dir.path().join("m.safetensors"));
    let file = Arc::new(WeightFile::open(&path).unwrap());
    let view = |stored: &str, change| View::new(&file, stored, change);
    let set = WeightSet::from_views(
        &path,
        BTreeMap::from([
            ("rows".to_owned(), view("w", Change::Rows(1..3)).unwrap()),
            ("t".to_owned(), view("w", Change::Transpose).unwrap()),
            ("bias".to_owned(), view("b", Change::Rows(2..3)).unwrap()),
            ("flat".to_owned(), view("w", Change::None).unwrap().reshaped(&[6]).unwrap()),
        ]),
    );
    assert_eq!(set.f32("rows", &[2, 2]).unwrap(), [2.0, 3.0, 4.0, 5.0]);
    assert_eq!(set.f32("t", &[2, 3]).unwrap(), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    assert_eq!(set.raw("t").unwrap().2.len(), 24);
    assert_eq!(set.f32("bias", &[1]).unwrap(), [2.0]);
    assert_eq!(set.f32("flat", &[6]).unwrap().len(), 6);
    assert!(message(view("w", Change::Rows(2..4))).contains("rows 2..4"));
    assert!(view("none", Change::Rows(0..0)).is_ok());
    assert!(message(view("b", Change::Transpose)).contains("two dimensions"));
    assert!(view("w", Change::None).unwrap().reshaped(&[5]).is_err());
    assert!(message(view("gone", Change::None)).contains("\"gone\""));
}

fn component(dir: &Path, file: &str, value: f32) {
    Writer::default().f32("w", &[1], &[value]).write(&dir.join("unet").join(file));
}

fn opened(dir: &Path, variant: Option<&str>) -> Result<f32, WeightsError> {
    Ok(WeightSet::open_component(dir, "unet", variant)?.f32("w", &[1])?[0])
}

#[test]
fn variants_prefer_full_precision_unless_asked() {
    let dir = tempfile::tempdir().unwrap();
    component(dir.path(), "diffusion_pytorch_model.fp16.safetensors", 16.0);
    assert_eq!(opened(dir.path(), None).unwrap(), 16.0, "better than nothing");
    component(dir.path(), "diffusion_pytorch_model.safetensors", 32.0);
    assert_eq!(opened(dir.path(), None).unwrap(), 32.0);
    assert_eq!(opened(dir.path(), Some("fp16")).unwrap(), 16.0);
    let missing = message(opened(dir.path(), Some("bf16")));
    assert!(missing.contains("diffusion_pytorch_model.bf16.safetensors") && missing.contains("fp16.safetensors"), "{missing}");
}

#[test]
fn shards() {
    let dir = tempfile::tempdir().unwrap();
    let unet = dir.path().join("unet");
    Writer::default().counting("a", &[1]).write(&unet.join("m-1.safetensors"));
    Writer::default().counting("b", &[2]).write(&unet.join("m-2.safetensors"));
    let index = |map: serde_json::Value| {
        let text = serde_json::json!({ "metadata": { "total_size": 12 }, "weight_map": map }).to_string();
        std::fs::write(unet.join("diffusion_pytorch_model.safetensors.index.json"), text).unwrap();
        WeightSet::open_component(dir.path(), "unet", None)
    };
    let set = index(serde_json::json!({ "a": "m-1.safetensors", "b": "m-2.safetensors" })).unwrap();
    assert_eq!(set.names().collect::<Vec<_>>(), ["a", "b"]);
    assert!(
        message(index(serde_json::json!({ "a": "m-1.safetensors", "c": "m-2.safetensors" })))
            .contains("m-2.safetensors: tensor \"c\" is missing")
    );
    assert!(message(index(serde_json::json!({ "a": "gone.safetensors" }))).contains("gone.safetensors"));
    for name in [
        "../m.safetensors",
        "/etc/passwd",
        "a/b.safetensors",
        "..\\m.safetensors",
        "c:m.safetensors",
        ".safetensors",
        "x.json",
        "",
    ] {
        let refused = message(index(serde_json::json!({ "a": name })));
        assert!(refused.contains("index.json") && refused.contains("own folder"), "{name}: {refused}");
    }
    assert!(message(index(serde_json::json!({ "a": "pytorch_model.bin" }))).contains("pickle"));
    assert!(message(index(serde_json::json!({}))).contains("names 0 files"));
    assert!(message(index(serde_json::json!(["a"]))).contains("index.json"));
    Writer::default().counting("a", &[1]).write(&unet.join("m-3.safetensors"));
    assert!(
        message(index(serde_json::json!({ "a": "m-1.safetensors", "b": "m-2.safetensors", "x": "m-3.safetensors" })))
            .contains("m-3.safetensors")
    );
}

#[test]
fn only_a_pickle_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let unet = dir.path().join("unet");
    std::fs::create_dir_all(&unet).unwrap();
    assert!(message(opened(dir.path(), None)).contains("no weights in this folder"));
    std::fs::write(unet.join("diffusion_pytorch_model.bin"), b"").unwrap();
    let refused = message(opened(dir.path(), None));
    assert!(
        refused.contains("diffusion_pytorch_model.bin") && refused.contains("pickle") && refused.contains("safetensors"),
        "{refused}"
    );
    assert!(message(WeightSet::open_component(dir.path(), "vae", None)).contains("vae"));
}

#[cfg(unix)]
#[test]
fn devices_pipes_and_dangling_links_do_not_hang() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("unet/diffusion_pytorch_model.safetensors");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    for target in ["/dev/zero", "/nowhere/at/all", "."] {
        std::os::unix::fs::symlink(target, &path).unwrap();
        assert!(message(opened(dir.path(), None)).contains("diffusion_pytorch_model.safetensors"), "{target}");
        std::fs::remove_file(&path).unwrap();
    }
    // A link to a regular file is how the hub's cache keeps everything.
    let blob = Writer::default().f32("w", &[1], &[5.0]).write(&dir.path().join("blob"));
    std::os::unix::fs::symlink(blob, &path).unwrap();
    assert_eq!(opened(dir.path(), None).unwrap(), 5.0);
}
