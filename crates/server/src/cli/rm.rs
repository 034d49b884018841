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
    // All names are looked up before anything is removed.
    let found = arguments.models.iter().map(|name| library::find(&entries, name)).collect::<Result<Vec<_>>>()?;
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
