//! One component of a diffusers folder (`unet`, `vae`, `text_encoder`, …): which of its files holds the weights.
//!
//! A component has `diffusion_pytorch_model.safetensors` or `model.safetensors`, perhaps with a variant (`model.fp16.safetensors`), perhaps
//! in shards listed by an index (`model.safetensors.index.json`). Invariants: an index names plain files of its own folder and nothing
//! else, every JSON file is capped in size, and what is opened is a regular file (a symbolic link to one is fine: the hub's cache is
//! made of them).

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::Value;

use super::{WeightFile, WeightSet, WeightsError, error::shorten, set::is_pickle_name};

/// Largest configuration file read; real ones have a few kB.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Largest shard index read; the largest real ones have a few hundred kB.
const INDEX_BYTES_MAX: u64 = 32 << 20;
/// More shards than any image model has.
const SHARDS_MAX: usize = 256;
const BASES: [&str; 2] = ["diffusion_pytorch_model", "model"];
/// What is taken when no variant is asked for: full precision first.
const FALLBACKS: [Option<&str>; 3] = [None, Some("fp16"), Some("bf16")];

impl WeightSet {
    /// Opens the weights of `dir/component`. Without a variant the plain file is taken, or else a half-precision one; an asked variant
    /// must be there.
    pub fn open_component(dir: &Path, component: &str, variant: Option<&str>) -> Result<Self, WeightsError> {
        let folder = dir.join(component);
        match find(&folder, variant)? {
            Found::File(path) => Self::open_file(&path),
            Found::Index(path) => open_shards(&folder, &path),
        }
    }
}

/// The weights file (or shard index) of `dir/component`, for hashing and listing.
pub(crate) fn weights_path(dir: &Path, component: &str, variant: Option<&str>) -> Result<PathBuf, WeightsError> {
    match find(&dir.join(component), variant)? {
        Found::File(path) | Found::Index(path) => Ok(path),
    }
}

enum Found {
    File(PathBuf),
    Index(PathBuf),
}

fn find(folder: &Path, variant: Option<&str>) -> Result<Found, WeightsError> {
    let asked = [variant];
    let variants: &[Option<&str>] = if variant.is_some() { &asked } else { &FALLBACKS };
    for variant in variants {
        for base in BASES {
            let path = folder.join(file_name(base, *variant));
            if path.is_file() {
                return Ok(Found::File(path));
            }
            for index in index_names(base, *variant) {
                let path = folder.join(index);
                if path.is_file() {
                    return Ok(Found::Index(path));
                }
            }
        }
    }
    Err(nothing_found(folder, variant))
}

fn file_name(base: &str, variant: Option<&str>) -> String {
    variant.map_or_else(|| format!("{base}.safetensors"), |variant| format!("{base}.{variant}.safetensors"))
}

/// Index names: diffusers puts the variant before the last dot, other tools where the single file has it.
fn index_names(base: &str, variant: Option<&str>) -> Vec<String> {
    match variant {
        None => vec![format!("{base}.safetensors.index.json")],
        Some(variant) => {
            vec![format!("{base}.safetensors.index.{variant}.json"), format!("{base}.{variant}.safetensors.index.json")]
        }
    }
}

/// Why there is nothing to open: only a pickle, another variant, a dangling link, or no file at all.
fn nothing_found(folder: &Path, variant: Option<&str>) -> WeightsError {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) => return WeightsError::io(folder, e),
    };
    let mut names: Vec<String> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let tensors: Vec<&String> = names.iter().filter(|name| name.ends_with(".safetensors")).collect();
    let expected = folder.join(file_name(BASES[0], variant));
    if let Some(name) = tensors.iter().find(|name| !folder.join(name).is_file()) {
        return WeightsError::model(
            &folder.join(name),
            "not a regular file, or a link to one that is gone; pull or import the model again",
        );
    }
    if !tensors.is_empty() {
        let shown: Vec<String> = tensors.iter().take(8).map(|name| shorten(name)).collect();
        return WeightsError::model(&expected, format!("no such weights; the folder has {}", shown.join(", ")));
    }
    if let Some(pickle) = names.iter().find(|name| is_pickle_name(Path::new(name))) {
        return WeightsError::Pickle { file: folder.join(pickle) };
    }
    WeightsError::model(
        &expected,
        "no weights in this folder (model.safetensors would do as well); pull or import the model again",
    )
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

fn open_shards(folder: &Path, index_path: &Path) -> Result<WeightSet, WeightsError> {
    let bytes = read_capped(index_path, INDEX_BYTES_MAX)?;
    let index: Index =
        serde_json::from_slice(&bytes).map_err(|e| WeightsError::model(index_path, format!("not a shard index: {e}")))?;
    let shards: BTreeSet<&str> = index.weight_map.values().map(String::as_str).collect();
    if shards.is_empty() || shards.len() > SHARDS_MAX {
        return Err(WeightsError::model(index_path, format!("names {} files, 1 to {SHARDS_MAX} are possible", shards.len())));
    }
    let mut files = BTreeMap::new();
    for shard in shards {
        if !is_plain_name(shard) || !(shard.ends_with(".safetensors") || is_pickle_name(Path::new(shard))) {
            return Err(WeightsError::model(
                index_path,
                format!("names {}, which is not a safetensors file of its own folder", shorten(shard)),
            ));
        }
        files.insert(shard, Arc::new(WeightFile::open(&folder.join(shard))?));
    }
    for (tensor, shard) in &index.weight_map {
        let file = &files[shard.as_str()];
        if !file.header().tensors.contains_key(tensor) {
            return Err(WeightsError::missing(file.path(), tensor));
        }
    }
    WeightSet::from_files(index_path, &files.into_values().collect::<Vec<_>>())
}

/// A file name and nothing more: no separator of any system, no parent, no drive, nothing that a shell or terminal would act on.
pub(crate) fn is_plain_name(name: &str) -> bool {
    const NAME_BYTES_MAX: usize = 255;
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with('.')
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':' | '\0'))
}

/// Reads a JSON object of bounded size; what its fields mean is for the caller to judge.
pub fn read_json(path: &Path) -> Result<Value, WeightsError> {
    let bytes = without_infinities(read_capped(path, CONFIG_BYTES_MAX)?);
    let value: Value = serde_json::from_slice(&bytes).map_err(|e| WeightsError::model(path, format!("not valid JSON: {e}")))?;
    if !value.is_object() {
        return Err(WeightsError::model(path, "a JSON object is expected"));
    }
    Ok(value)
}

/// Python writes `Infinity` and `NaN` into JSON (diffusers' `lambda_min_clipped` is `-Infinity`); JSON has no such values, so they become
/// `null`. Strings are left alone.
fn without_infinities(bytes: Vec<u8>) -> Vec<u8> {
    const WORDS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let (mut out, mut rest, mut in_string) = (Vec::with_capacity(bytes.len()), bytes.as_slice(), false);
    while let Some(&byte) = rest.first() {
        let word = WORDS.iter().find(|word| !in_string && rest.starts_with(word));
        let taken = match (byte, word) {
            (_, Some(word)) => {
                out.extend_from_slice(b"null");
                rest = &rest[word.len()..];
                continue;
            }
            (b'\\', None) if in_string => rest.len().min(2),
            (b'"', None) => {
                in_string = !in_string;
                1
            }
            _ => 1,
        };
        out.extend_from_slice(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

/// Reads a regular file whole, unless it is larger than `limit`.
pub(crate) fn read_capped(path: &Path, limit: u64) -> Result<Vec<u8>, WeightsError> {
    let io = |e| WeightsError::io(path, e);
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(WeightsError::model(path, "not a regular file"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(WeightsError::model(path, format!("larger than {limit} bytes, which no such file is")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_become_null_outside_strings() {
        let text = br#"{"a": -Infinity, "b": [NaN, Infinity], "Infinity \" NaN": "NaN"}"#;
        let read: Value = serde_json::from_slice(&without_infinities(text.to_vec())).expect("JSON now");
        assert_eq!(read, serde_json::json!({"a": null, "b": [null, null], "Infinity \" NaN": "NaN"}));
    }
}
