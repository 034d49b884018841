//! `easel list`: what is installed, and with `--known` what can be pulled by a short name.

use std::process::ExitCode;

use clap::Args;
use easel_models::library::Installed;
use serde_json::{Value, json};

use super::Context;
use crate::{
    error::Result,
    known::{self, KnownModel},
    library::{self, Entry, HINT},
    output,
};

#[derive(Args)]
pub struct Arguments {
    /// Show the models that `easel pull` knows by a short name instead
    #[arg(long)]
    known: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let library = library::open(&context.config)?;
    let entries = library::entries(&library)?;
    if arguments.known {
        list_known(context, &entries);
        return Ok(ExitCode::SUCCESS);
    }
    if context.json {
        let models: Vec<_> = entries.iter().map(to_json).collect();
        let unusable = library.unusable();
        let unusable = unusable.iter().map(|file| json!({ "path": file.path, "reason": file.reason }));
        output::line(json!({ "models": models, "unusable": unusable.collect::<Vec<_>>() }));
        return Ok(ExitCode::SUCCESS);
    }
    for file in library.unusable() {
        eprintln!("left out: {}", file.reason);
    }
    if entries.is_empty() {
        eprintln!("no model is installed; {HINT}");
        return Ok(ExitCode::SUCCESS);
    }
    let width = entries.iter().map(|entry| entry.id.0.len()).max().unwrap_or(0).max("NAME".len());
    output::line(format_args!("{:width$}  {:8}  {:>9}  SOURCE", "NAME", "FAMILY", "SIZE"));
    for Entry { id, model } in &entries {
        let family = model.manifest.family.map_or("", |family| family.name());
        let source = source(model).unwrap_or_default();
        output::line(format_args!("{:width$}  {family:8}  {:>9}  {source}", id.0, size(model.manifest.size_bytes)));
    }
    Ok(ExitCode::SUCCESS)
}

fn list_known(context: &Context, entries: &[Entry]) {
    // By whatever name it was installed.
    let is_installed = |model: &KnownModel| {
        let same = |entry: &Entry| entry.model.id == model.id || entry.model.manifest.source.as_deref() == Some(&*model.repo);
        entries.iter().any(same)
    };
    if context.json {
        let models = known::all().iter().map(|model| {
            let mut out = json!(model);
            out["installed"] = is_installed(model).into();
            out
        });
        output::line(json!({ "known": models.collect::<Vec<_>>() }));
        return;
    }
    let width = known::all().iter().map(|model| model.id.len()).max().unwrap_or(0).max("NAME".len());
    output::line(format_args!("{:width$}  {:6}  {:9}  {:<44}  LICENCE", "NAME", "FAMILY", "INSTALLED", "REPOSITORY"));
    for model in known::all() {
        let (family, installed) = (model.family.name(), if is_installed(model) { "yes" } else { "no" });
        let KnownModel { id, repo, licence, .. } = model;
        output::line(format_args!("{id:width$}  {family:6}  {installed:9}  {repo:<44}  {} <{}>", licence.name, licence.url));
    }
}

/// Where a model comes from, for people.
pub fn source(model: &Installed) -> Option<String> {
    match model {
        Installed { builtin: true, .. } => Some("built in".to_owned()),
        Installed { outside: true, path, .. } => Some(path.display().to_string()),
        Installed { manifest, .. } => manifest.source.clone(),
    }
}

/// A model for machines.
pub fn to_json(entry: &Entry) -> Value {
    let Entry { id, model } = entry;
    let manifest = &model.manifest;
    json!({
        "id": id, "folder": model.id, "path": model.path, "builtin": model.builtin, "outside": model.outside,
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
