//! Lists the built-in model's files for `src/builtin.rs` to embed.
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
    let folder = manifest.join("../../models/builtin");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    if folder.join("model_index.json").is_file() {
        for part in PARTS {
            collect(&folder.join(part), Path::new(part), &mut files)?;
        }
    }
    files.sort();
    let mut code = String::from("&[\n");
    for (name, path) in &files {
        println!("cargo::rerun-if-changed={}", path.display());
        code.push_str(&format!("    ({name:?}, include_bytes!({:?})),\n", path.display().to_string()));
    }
    code.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("builtin.rs"), code)
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
