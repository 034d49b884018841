//! Lists the built-in model's files for `src/builtin.rs` to embed, and the manifests of known models for `src/known.rs`.
//!
//! The folder `models/builtin` at the top of the repository holds a model in the diffusers layout, and what it was trained with. Without
//! the model (a checkout in the making) the list is empty and the binary builds all the same.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// What a diffusers folder consists of.
const PARTS: &[&str] = &[
    "model_index.json",
    "defaults.toml",
    "scheduler",
    "text_encoder",
    "text_encoder_2",
    "tokenizer",
    "tokenizer_2",
    "unet",
    "vae",
    "LICENSE",
    "README.md",
];

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let models = manifest.join("../../models");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", models.display());
    let builtin = models.join("builtin");
    let mut files = Vec::new();
    if builtin.join("model_index.json").is_file() {
        for part in PARTS {
            collect(&builtin.join(part), Path::new(part), &mut files)?;
        }
    }
    list("builtin.rs", "include_bytes", files)?;
    let mut known = Vec::new();
    for entry in fs::read_dir(&models)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".toml")) {
            known.push((name.to_owned(), fs::canonicalize(&path)?));
        }
    }
    list("known.rs", "include_str", known)
}

/// Writes a list of names and contents for `include!`.
fn list(file: &str, include: &str, mut files: Vec<(String, PathBuf)>) -> io::Result<()> {
    files.sort();
    let mut code = String::from("&[\n");
    for (name, path) in &files {
        println!("cargo::rerun-if-changed={}", path.display());
        code.push_str(&format!("    ({name:?}, {include}!({:?})),\n", path.display().to_string()));
    }
    code.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join(file), code)
}

fn collect(path: &Path, name: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            collect(&entry.path(), &name.join(entry.file_name()), files)?;
        }
    } else if path.is_file() {
        let name = name.to_str().expect("the model's file names are ASCII").replace('\\', "/");
        files.push((name, fs::canonicalize(path)?));
    }
    Ok(())
}
