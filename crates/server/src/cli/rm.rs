//! `easel rm MODEL…`: removes installed models.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Context;
use crate::{error::Result, library, output};

#[derive(Args)]
pub struct Arguments {
    /// The models, as `easel list` shows them
    #[arg(required = true)]
    models: Vec<String>,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let library = library::open(&context.config)?;
    let entries = library::entries(&library)?;
    // All of them are looked at before anything is removed.
    let mut found: Vec<&library::Entry> = Vec::new();
    for name in &arguments.models {
        let entry = library::find(&entries, name)?;
        library.removable(&entry.model.id)?;
        // The same one may be named twice, and by two names.
        if found.iter().all(|other| other.id != entry.id) {
            found.push(entry);
        }
    }
    for entry in &found {
        library.remove(&entry.model.id)?;
        if !context.quiet && !context.json {
            eprintln!("removed {}", entry.id);
        }
    }
    if context.json {
        output::line(json!({ "removed": found.iter().map(|entry| &entry.id).collect::<Vec<_>>() }));
    }
    Ok(ExitCode::SUCCESS)
}
