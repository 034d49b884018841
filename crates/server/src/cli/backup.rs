//! `easel backup FILE`: a copy of the database at one moment, while the server runs.
//!
//! Of SQLite a copy of the file, unless a dump is asked for; of PostgreSQL always a dump. Pictures are copied with the means of where they are.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use easel_platform::backup;
use serde_json::json;

use super::{
    Context, block_on,
    overrides::{Group, Overrides},
};
use crate::{
    config::{self, Setting},
    error::{Failure, Result},
    output, platform,
};

#[derive(Args)]
pub struct Arguments {
    /// The new file
    file: PathBuf,
    /// Write a portable dump, which fills a database of either kind
    #[arg(long)]
    dump: bool,
    /// Also write the list of who asked to be forgotten, to be kept apart from copies and given to `easel restore`
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Overrides<Settings>,
}

pub struct Settings;

impl Group for Settings {
    const SETTINGS: &'static [&'static [&'static Setting]] = &[config::state::SETTINGS];
    const HEADING: &'static str = "Settings";
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let kind = block_on(async {
        let platform = platform::open_for_command(&context.config).await?;
        let kind = if arguments.dump || platform.context.db.path().is_none() {
            backup::dump(&platform.context, &arguments.file).await.map_err(|error| platform::failed(&error))?;
            "dump"
        } else {
            backup::copy_file(&platform.context, &arguments.file).await.map_err(|error| platform::failed(&error))?;
            "copy"
        };
        if let Some(path) = &arguments.erasures {
            let list = backup::erasures(&platform.context).await.map_err(|error| platform::failed(&error))?;
            std::fs::write(path, list).map_err(|error| Failure::io(format!("cannot write {}", path.display()), &error))?;
        }
        Ok(kind)
    })?;
    if context.json {
        output::line(json!({ "file": arguments.file, "kind": kind }));
    } else if !context.quiet {
        output::line(format_args!(
            "{} holds a {kind} of the database, with hashes of passwords: keep it like the database",
            arguments.file.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}
