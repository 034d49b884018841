//! `easel list`: what is installed.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::Context;
use crate::{
    error::Result,
    library::{self, Entry, HINT},
    output,
};

pub fn run(context: &Context) -> Result<ExitCode> {
    let entries = library::entries(&library::open(&context.config)?)?;
    if context.json {
        let models: Vec<_> = entries.iter().map(to_json).collect();
        output::line(json!({ "models": models }));
        return Ok(ExitCode::SUCCESS);
    }
    if entries.is_empty() {
        eprintln!("no model is installed; {HINT}");
        return Ok(ExitCode::SUCCESS);
    }
    let width = entries.iter().map(|entry| entry.id.0.len()).max().unwrap_or(0).max("NAME".len());
    output::line(format_args!("{:width$}  {:8}  {:>9}  SOURCE", "NAME", "FAMILY", "SIZE"));
    for Entry { id, model } in &entries {
        let family = model.manifest.family.map_or("", |family| family.name());
        let source = if model.builtin { "built in" } else { model.manifest.source.as_deref().unwrap_or("") };
        output::line(format_args!("{:width$}  {family:8}  {:>9}  {source}", id.0, size(model.manifest.size_bytes)));
    }
    Ok(ExitCode::SUCCESS)
}

/// A model for machines.
pub fn to_json(entry: &Entry) -> Value {
    let Entry { id, model } = entry;
    let manifest = &model.manifest;
    json!({
        "id": id, "folder": model.id, "path": model.path, "builtin": model.builtin,
        "family": manifest.family.map(|family| family.name()), "size_bytes": manifest.size_bytes, "source": manifest.source,
        "revision": manifest.revision, "licence": manifest.licence, "sha256": manifest.sha256, "hash": manifest.short_hash(),
        "installed_at": manifest.installed_at,
    })
}

/// Bytes for people; nothing where nobody counted them.
pub fn size(bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        bytes => indicatif::HumanBytes(bytes).to_string(),
    }
}
