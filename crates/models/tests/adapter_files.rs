//! LoRA and embedding files that cannot be used are refused by name, and folders are found as other programs lay them out.

#![allow(missing_docs)]

mod common;

use std::{fs, path::Path, sync::Arc};

use common::{Failure, fixture, lora_fixtures};
use easel_models::{
    adapters::{Embedding, Kind, LoraFile, ModelLayers, Shelf, ShelfError},
    ops::cpu::CpuOps,
    pipeline::Pipeline,
    weights::{WeightsError, open_model},
};
use safetensors::{Dtype, tensor::TensorView};

const LAYER: &str = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q";

fn model(name: &str) -> Result<Pipeline<CpuOps>, Failure> {
    Ok(Pipeline::load(Arc::new(CpuOps::default()), &open_model(&fixture(name), None)?)?)
}

/// Writes tensors of zeros.
fn write(path: &Path, tensors: &[(&str, &[usize])], metadata: &[(&str, &str)]) -> Result<(), Failure> {
    let bytes = vec![0u8; tensors.iter().map(|(_, shape)| 4 * shape.iter().product::<usize>()).max().unwrap_or(0)];
    let views = tensors
        .iter()
        .map(|(name, shape)| {
            Ok((*name, TensorView::new(Dtype::F32, shape.to_vec(), &bytes[..4 * shape.iter().product::<usize>()])?))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Ok(fs::write(path, safetensors::serialize(views, Some(metadata))?)?)
}

#[test]
fn every_fixture_fits_its_own_model_and_no_other() -> Result<(), Failure> {
    let (sd1, sdxl) = (model("sd1")?, model("sdxl")?);
    // The one with middles is for convolutions alone, which both models have.
    let all = Shelf::default().with_root(&lora_fixtures()).list(Kind::Lora);
    for found in all.iter().filter(|found| !found.name.ends_with("_mid")) {
        let [own, other] = if found.name.starts_with("sd1") { [&sd1, &sdxl] } else { [&sdxl, &sd1] };
        assert!(LoraFile::open(&found.path, &ModelLayers::of(own))?.numbers() > 0, "{}", found.name);
        let refused =
            LoraFile::open(&found.path, &ModelLayers::of(other)).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("another architecture") && refused.contains(&found.name), "{}: {refused}", found.name);
    }
    Ok(())
}

/// Names and shapes.
type Tensors = Vec<(String, Vec<usize>)>;

#[test]
fn what_is_no_lora_for_the_model_is_named() -> Result<(), Failure> {
    let (folder, sd1) = (tempfile::tempdir()?, model("sd1")?);
    let path = folder.path().join("x.safetensors");
    let tensor = |part: &str| format!("{LAYER}.{part}");
    let (down, up) = (tensor("lora_down.weight"), tensor("lora_up.weight"));
    let good: [(&str, &[usize]); 2] = [(&down, &[4, 32]), (&up, &[32, 4])];
    write(&path, &good, &[])?;
    LoraFile::open(&path, &ModelLayers::of(&sd1))?;
    let cases: Vec<(Tensors, &str)> = vec![
        (vec![(tensor("dora_scale"), vec![32, 1])], "DoRA"),
        (vec![(tensor("hada_w1_a"), vec![32, 4])], "LoHa"),
        (vec![(tensor("lokr_w1"), vec![4, 4])], "LoKr"),
        (vec![("lora_unet_nowhere.lora_down.weight".into(), vec![4, 32])], "no such layer"),
        (vec![("bundle_emb.x.string_to_param".into(), vec![4])], "not a part of a LoRA"),
        (vec![(tensor("lora_mid.weight"), vec![4, 4, 3, 3])], "no middle"),
        (vec![(tensor("alpha"), vec![2])], "one finite number"),
        (vec![("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight".into(), vec![64, 4])], "other half"),
        (vec![("unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight".into(), vec![4, 32])], "other half"),
        (
            ["lora_A", "lora_B"]
                .map(|half| format!("unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.{half}.weight"))
                .into_iter()
                .zip([vec![4, 32], vec![32, 4]])
                .collect(),
            "two spellings",
        ),
    ];
    for (more, expected) in cases {
        let more = more.iter().map(|(name, shape)| (name.as_str(), shape.as_slice()));
        let all: Vec<(&str, &[usize])> = good.iter().copied().chain(more).collect();
        write(&path, &all, &[])?;
        let refused = LoraFile::open(&path, &ModelLayers::of(&sd1)).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains(expected) && refused.contains("x.safetensors"), "{expected}: {refused}");
    }
    for (down_shape, up_shape) in [([4, 48], [32, 4]), ([4, 32], [32, 5]), ([0, 32], [32, 0])] {
        write(&path, &[(&down, &down_shape), (&up, &up_shape)], &[])?;
        assert!(LoraFile::open(&path, &ModelLayers::of(&sd1)).is_err());
    }
    let dora = r#"{"unet.use_dora": true, "unet.lora_alpha": 4}"#;
    write(&path, &good, &[("lora_adapter_metadata", dora)])?;
    assert!(LoraFile::open(&path, &ModelLayers::of(&sd1)).is_err_and(|error| error.to_string().contains("DoRA")));
    write(&path, &good, &[("lora_adapter_metadata", "[]")])?;
    assert!(LoraFile::open(&path, &ModelLayers::of(&sd1)).is_err());
    write(&path, &[], &[])?;
    assert!(LoraFile::open(&path, &ModelLayers::of(&sd1)).is_err());
    Ok(())
}

#[test]
fn pickles_are_refused_by_name() -> Result<(), Failure> {
    let (folder, sd1) = (tempfile::tempdir()?, model("sd1")?);
    fs::create_dir_all(folder.path().join("models/Lora"))?;
    for name in ["a.pt", "b.ckpt", "c.bin"] {
        let path = folder.path().join("models/Lora").join(name);
        fs::write(&path, b"\x80\x02}q\x00.")?;
        let found = Shelf::default().with_root(folder.path()).find(Kind::Lora, &name[..1])?;
        assert_eq!(found, path);
        assert!(matches!(LoraFile::open(&found, &ModelLayers::of(&sd1)), Err(WeightsError::Pickle { .. })));
        assert!(matches!(Embedding::open(&found, &[32]), Err(WeightsError::Pickle { .. })));
    }
    Ok(())
}

#[test]
fn an_embedding_is_for_the_text_encoders_it_was_made_for() -> Result<(), Failure> {
    let embeddings = lora_fixtures().join("embeddings");
    let open = |name: &str, widths: &[usize]| Embedding::open(&embeddings.join(name), widths);
    assert_eq!(open("zork.safetensors", &[32])?.vectors, 2);
    assert_eq!(open("plim.safetensors", &[32])?.vectors, 1);
    assert_eq!(open("wumx.safetensors", &[32, 32])?.values.len(), 2);
    for (name, widths) in [("zork.safetensors", &[48][..]), ("zork.safetensors", &[32, 32]), ("wumx.safetensors", &[32])] {
        assert!(open(name, widths).is_err_and(|error| error.to_string().contains("another architecture")), "{name}");
    }
    Ok(())
}

#[test]
fn folders_of_other_programs_are_read_as_they_are() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let root = folder.path();
    for path in [
        "a1111/models/Lora/style/ink.safetensors",
        "a1111/models/LyCORIS/glass.safetensors",
        "a1111/embeddings/easy.pt",
        "a1111/embeddings/easy.safetensors",
        "comfy/models/loras/ink.safetensors",
        "comfy/models/loras/deep/er/fog.safetensors",
        "elsewhere/l1/one.safetensors",
        "elsewhere/l2/two.safetensors",
        "elsewhere/e/word.safetensors",
        "comfy/models/loras/readme.txt",
        "comfy/models/loras/.hidden.safetensors",
        "a1111/models/Stable-diffusion/xl/base.safetensors",
        "a1111/models/Stable-diffusion/old.ckpt",
        "a1111/models/Stable-diffusion/old.vae.safetensors",
        "comfy/models/checkpoints/dream.safetensors",
        "comfy/models/diffusers/whole/model_index.json",
        "comfy/models/diffusers/whole/unet/diffusion_pytorch_model.safetensors",
        "elsewhere/ckpt/three.safetensors",
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder"))?;
        fs::write(path, b"")?;
    }
    let list = root.join("lists/extra_model_paths.yaml");
    fs::create_dir_all(root.join("lists"))?;
    fs::write(
        &list,
        "# comment\ncomfyui:\n  base_path: ../elsewhere/\n  is_default: true\n  checkpoints: ckpt\n  loras: |\n    l1\n    l2\n  embeddings: e\nempty:\n",
    )?;
    let shelf = Shelf::default().with_root(&root.join("a1111")).with_root(&root.join("comfy")).with_extra_paths(&list)?;
    let find = |kind, name: &str| shelf.find(kind, name).map(|path| path.strip_prefix(root).unwrap_or(&path).to_owned());
    for (name, path) in [
        ("ink", "comfy/models/loras/ink.safetensors"),
        ("style/ink", "a1111/models/Lora/style/ink.safetensors"),
        ("style\\ink.safetensors", "a1111/models/Lora/style/ink.safetensors"),
        ("glass", "a1111/models/LyCORIS/glass.safetensors"),
        ("fog", "comfy/models/loras/deep/er/fog.safetensors"),
        ("one", "lists/../elsewhere/l1/one.safetensors"),
        ("two", "lists/../elsewhere/l2/two.safetensors"),
    ] {
        assert_eq!(find(Kind::Lora, name)?, Path::new(path), "{name}");
    }
    assert_eq!(find(Kind::Embedding, "easy")?, Path::new("a1111/embeddings/easy.safetensors"), "safetensors before pickles");
    assert!(find(Kind::Embedding, "word").is_ok());
    let checkpoints: Vec<String> = shelf.list(Kind::Checkpoint).into_iter().map(|found| found.name).collect();
    assert_eq!(checkpoints, ["xl/base", "old", "dream", "whole", "three"], "an autoencoder belongs to its checkpoint");
    let problems: Vec<bool> = shelf.list(Kind::Checkpoint).iter().map(|found| found.problem().is_some()).collect();
    assert_eq!(problems, [false, true, false, false, false], "pickles are named");
    let Err(ShelfError::Unknown { alike, .. }) = shelf.find(Kind::Lora, "glas") else { panic!("there is no `glas`") };
    assert_eq!(alike, ["glass"]);
    for name in ["", "..", "../a1111/models/Lora/style/ink", "/etc/passwd", ".hidden", "readme"] {
        assert!(shelf.find(Kind::Lora, name).is_err(), "{name}");
    }
    fs::write(&list, "comfyui: [1, 2]\n")?;
    assert!(matches!(Shelf::default().with_extra_paths(&list), Err(ShelfError::Paths { .. })));
    assert!(matches!(Shelf::default().with_extra_paths(Path::new("nowhere.yaml")), Err(ShelfError::Paths { .. })));
    Ok(())
}
