//! Which files of a repository are needed to run it. Pure: a listing in, names out.
//!
//! Of a diffusers folder: `model_index.json`, and per component that it lists the configuration, the tokenizer files and one set of
//! safetensors weights. Not taken: other formats, other variants, the safety checker's weights, sample pictures. A repository without
//! `model_index.json` is taken as single-file checkpoints.

use serde_json::Value;

/// What to pull of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Want {
    /// All that is needed to run it. With a variant (`fp16`), those weights.
    #[default]
    Model,
    /// One file.
    File(String),
    /// Only the tokenizer, for single-file checkpoints.
    Tokenizer,
}

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Path in the repository.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Its name in the cache: SHA-256 for large files, git's object id for small ones.
    pub checksum: Checksum,
}

/// How the hub states a file's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-256 of the contents (files in large-file storage).
    Sha256(String),
    /// SHA-1 of git's blob header and the contents.
    GitBlob(String),
}

impl Checksum {
    /// As hexadecimal digits.
    pub fn hex(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::GitBlob(hex) => hex,
        }
    }
}

const WEIGHTS: [&str; 4] = ["unet", "vae", "text_encoder", "text_encoder_2"];
const TOKENIZERS: [&str; 2] = ["tokenizer", "tokenizer_2"];
const TOKENIZER_FILES: [&str; 6] =
    ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];
const BASES: [&str; 2] = ["diffusion_pytorch_model", "model"];
const PICKLES: [&str; 4] = [".bin", ".ckpt", ".pt", ".pth"];

/// The needed files of a diffusers folder. `index` is its `model_index.json`.
pub fn pipeline(names: &[&str], index: &Value, variant: Option<&str>) -> Result<Vec<String>, String> {
    let listed = |component: &str| index.get(component).and_then(|entry| entry.get(1)).is_some_and(|class| !class.is_null());
    let mut take = vec!["model_index.json".to_owned()];
    let exact = |path: String| names.contains(&path.as_str()).then_some(path);
    for component in WEIGHTS.into_iter().filter(|component| listed(component)) {
        take.extend(exact(format!("{component}/config.json")));
        take.extend(weights(names, component, variant)?);
    }
    for component in TOKENIZERS.into_iter().filter(|component| listed(component)) {
        take.extend(TOKENIZER_FILES.iter().filter_map(|file| exact(format!("{component}/{file}"))));
    }
    take.extend(exact("scheduler/scheduler_config.json".to_owned()));
    Ok(take)
}

/// The weights of one component: the asked variant or nothing; unasked, full precision first.
fn weights(names: &[&str], component: &str, variant: Option<&str>) -> Result<Vec<String>, String> {
    let asked = [variant];
    let tries: &[Option<&str>] = if variant.is_some() { &asked } else { &[None, Some("fp16"), Some("bf16")] };
    for variant in tries {
        for base in BASES {
            let stem = variant.map_or_else(|| base.to_owned(), |variant| format!("{base}.{variant}"));
            let whole = format!("{component}/{stem}.safetensors");
            if names.contains(&whole.as_str()) {
                return Ok(vec![whole]);
            }
            let shards = shards(names, component, base, *variant);
            if !shards.is_empty() {
                return Ok(shards);
            }
        }
    }
    let own: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix(component)?.strip_prefix('/')).collect();
    let found: Vec<&str> = own.iter().copied().filter(|name| name.ends_with(".safetensors")).collect();
    Err(match (found.is_empty(), own.iter().any(|name| is_pickle(name))) {
        (true, true) => {
            format!("{component} has its weights only as a pickle, which is refused; ask for a repository with safetensors")
        }
        (true, false) => format!("{component} has no weights"),
        (false, _) => format!("{component} has no {} weights; it has {}", variant.unwrap_or("plain"), found.join(", ")),
    })
}

/// The index and the shards of a sharded component, in both spellings of a variant (before or after the shard's number).
fn shards(names: &[&str], component: &str, base: &str, variant: Option<&str>) -> Vec<String> {
    let (index, shard): (Vec<String>, Vec<(String, String)>) = match variant {
        None => (vec![format!("{base}.safetensors.index.json")], vec![(format!("{base}-"), ".safetensors".to_owned())]),
        Some(variant) => (
            vec![format!("{base}.safetensors.index.{variant}.json"), format!("{base}.{variant}.safetensors.index.json")],
            vec![
                (format!("{base}.{variant}-"), ".safetensors".to_owned()),
                (format!("{base}-"), format!(".{variant}.safetensors")),
            ],
        ),
    };
    let own = || names.iter().filter_map(|name| Some((*name, name.strip_prefix(component)?.strip_prefix('/')?)));
    let Some((index, _)) = own().find(|(_, file)| index.iter().any(|name| name == file)) else {
        return Vec::new();
    };
    let is_number = |text: &str| {
        text.split_once("-of-")
            .is_some_and(|(a, b)| [a, b].iter().all(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit())))
    };
    let is_shard = |file: &str| {
        shard.iter().any(|(before, after)| {
            file.strip_prefix(before.as_str()).and_then(|rest| rest.strip_suffix(after.as_str())).is_some_and(is_number)
        })
    };
    let parts = own().filter(|(_, file)| is_shard(file)).map(|(name, _)| name.to_owned());
    std::iter::once(index.to_owned()).chain(parts).collect()
}

/// The only checkpoint of a repository without `model_index.json`.
pub fn single_file(names: &[&str]) -> Result<Vec<String>, String> {
    let top: Vec<&str> = names.iter().copied().filter(|name| !name.contains('/')).collect();
    let found: Vec<&str> = top.iter().copied().filter(|name| name.ends_with(".safetensors")).collect();
    match found.as_slice() {
        [only] => Ok(vec![(*only).to_owned()]),
        [] if top.iter().any(|name| is_pickle(name)) => {
            Err("has its weights only as a pickle, which is refused; ask for a repository with safetensors".to_owned())
        }
        [] => Err("has neither model_index.json nor a .safetensors checkpoint".to_owned()),
        several => Err(format!("has several checkpoints; add one to the name after a colon: {}", several.join(", "))),
    }
}

/// The tokenizer files at the top, or else in `tokenizer/`.
pub fn tokenizer(names: &[&str]) -> Result<Vec<String>, String> {
    for folder in ["", "tokenizer/"] {
        let found: Vec<String> =
            TOKENIZER_FILES.iter().map(|file| format!("{folder}{file}")).filter(|path| names.contains(&path.as_str())).collect();
        let has = |file: &str| found.contains(&format!("{folder}{file}"));
        if has("tokenizer.json") || (has("vocab.json") && has("merges.txt")) {
            return Ok(found);
        }
    }
    Err("has no tokenizer (tokenizer.json, or vocab.json and merges.txt)".to_owned())
}

/// One file by name, which must not be a pickle.
pub fn one_file(names: &[&str], file: &str) -> Result<Vec<String>, String> {
    if is_pickle(file) {
        return Err(format!("{file} is a pickle, which is refused; ask for a .safetensors file"));
    }
    if names.contains(&file) {
        return Ok(vec![file.to_owned()]);
    }
    Err(format!("has no file {file:?}"))
}

fn is_pickle(name: &str) -> bool {
    PICKLES.iter().any(|end| name.to_ascii_lowercase().ends_with(end))
}

/// A path that stays inside the folder it is put in, on every system. Names of hidden files are fine; `..` is not.
pub fn is_safe_path(path: &str) -> bool {
    const PATH_BYTES_MAX: usize = 1024;
    let part_ok = |part: &str| {
        !part.is_empty() && part != "." && part != ".." && !part.chars().any(|c| c.is_control() || matches!(c, '\\' | ':'))
    };
    path.len() <= PATH_BYTES_MAX && path.split('/').all(part_ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NAMES: [&str; 16] = [
        "model_index.json",
        "README.md",
        "sd15.ckpt",
        "sd15.safetensors",
        "unet/config.json",
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "scheduler/scheduler_config.json",
        "safety_checker/model.safetensors",
    ];

    fn index() -> Value {
        json!({ "unet": ["diffusers", "U"], "vae": ["diffusers", "V"], "text_encoder": ["transformers", "C"], "tokenizer": ["t", "T"],
                "text_encoder_2": [null, null], "safety_checker": ["s", "S"], "_class_name": "X" })
    }

    #[test]
    fn takes_what_a_pipeline_needs_and_nothing_else() {
        let taken = pipeline(&NAMES, &index(), None).unwrap();
        assert_eq!(taken.len(), 10, "{taken:?}");
        assert!(taken.contains(&"unet/diffusion_pytorch_model.safetensors".to_owned()));
        assert!(
            !taken
                .iter()
                .any(|name| name.contains("fp16") || name.contains("safety") || name.ends_with(".bin") || name.contains("sd15"))
        );
        let wrong = pipeline(&NAMES, &index(), Some("fp16")).unwrap_err();
        assert!(wrong.contains("vae has no fp16 weights"), "{wrong}");
    }

    #[test]
    fn variants_and_shards() {
        let names = [
            "unet/diffusion_pytorch_model.safetensors.index.json",
            "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
            "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
            "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
            "unet/diffusion_pytorch_model.fp16-00001-of-00001.safetensors",
        ];
        assert_eq!(weights(&names, "unet", None).unwrap().len(), 3);
        assert_eq!(weights(&names, "unet", Some("fp16")).unwrap(), names[3..]);
        assert!(weights(&["unet/diffusion_pytorch_model.bin"], "unet", None).unwrap_err().contains("pickle"));
        assert_eq!(weights(&["unet/model.fp16.safetensors"], "unet", None).unwrap(), ["unet/model.fp16.safetensors"]);
    }

    #[test]
    fn single_files_and_tokenizers() {
        assert_eq!(single_file(&["a.safetensors", "b.md", "x/c.safetensors"]).unwrap(), ["a.safetensors"]);
        assert!(single_file(&["a.safetensors", "b.safetensors"]).unwrap_err().contains("a.safetensors, b.safetensors"));
        assert!(single_file(&["a.CKPT"]).unwrap_err().contains("pickle"));
        assert_eq!(tokenizer(&["tokenizer.json", "model.safetensors"]).unwrap(), ["tokenizer.json"]);
        assert_eq!(tokenizer(&NAMES).unwrap().len(), 2);
        assert!(tokenizer(&["vocab.json"]).is_err());
        assert!(one_file(&NAMES, "sd15.ckpt").unwrap_err().contains("pickle"));
        assert_eq!(one_file(&NAMES, "sd15.safetensors").unwrap(), ["sd15.safetensors"]);
    }

    #[test]
    fn paths_stay_inside() {
        for path in ["a/b.json", ".gitattributes", "a b/ü.txt", "a..b"] {
            assert!(is_safe_path(path), "{path}");
        }
        for path in ["", "/a", "a//b", "../a", "a/../b", "a/.", "c:a", "a\\b", "a\nb", "a/"] {
            assert!(!is_safe_path(path), "{path}");
        }
    }
}
