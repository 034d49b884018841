//! `easel show MODEL`: what is known of a model, and whether its files are still what was installed.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{Context, list};
use crate::{
    error::{Exit, Failure, Result},
    library, output,
};

#[derive(Args)]
pub struct Arguments {
    /// The model, as `easel list` shows it
    model: String,
    /// Hash the weights again and compare them with what was installed
    #[arg(long)]
    verify: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let library = library::open(&context.config)?;
    let entries = library::entries(&library)?;
    let entry = library::find(&entries, &arguments.model)?;
    let damaged = if arguments.verify { Some(library.verify(&entry.model.id)?) } else { None };
    let failure = damaged.as_ref().filter(|files| !files.is_empty()).map(|files| {
        let message = format!("{} is not what was installed: {}", entry.id, files.join(", "));
        Failure::new(Exit::Model, message).hint("remove the model and install it again")
    });
    if !context.json {
        print(entry);
        if arguments.verify && failure.is_none() {
            output::line(format_args!("{:<10} every file is what was installed", "verified"));
        }
        return failure.map_or(Ok(ExitCode::SUCCESS), Err);
    }
    let mut out = list::to_json(entry);
    out["files"] = json!(entry.model.manifest.files);
    out["damaged"] = json!(damaged);
    let Some(failure) = failure else {
        output::line(out);
        return Ok(ExitCode::SUCCESS);
    };
    // One object, with what is known of the model and what is wrong with it.
    out["error"] = failure.to_json()["error"].clone();
    output::line(out);
    eprintln!("{failure}");
    Ok(failure.exit.into())
}

fn print(entry: &library::Entry) {
    let manifest = &entry.model.manifest;
    let line = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            output::line(format_args!("{name:<10} {value}"));
        }
    };
    line("name", Some(entry.id.to_string()));
    line("family", manifest.family.map(|family| family.name().to_owned()));
    line("size", Some(list::size(manifest.size_bytes)));
    line("source", list::source(&entry.model));
    line("revision", manifest.revision.clone());
    line("licence", manifest.licence.clone());
    line("sha256", manifest.sha256.clone());
    line("path", Some(entry.model.path.display().to_string()));
    for file in &manifest.files {
        line("file", Some(format!("{} ({})", file.path, list::size(file.size))));
    }
}
