//! `easel restore FILE`: puts a copy into the place of a database that is not there, or a dump into an empty one.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use easel_platform::backup;
use serde_json::json;

use super::{
    Context, block_on,
    overrides::{Group, Overrides},
};
use crate::{
    config::{self, Config, Setting},
    error::{Exit, Failure, Result},
    output, platform,
};

/// What a SQLite file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";

#[derive(Args)]
pub struct Arguments {
    /// What `easel backup` wrote
    file: PathBuf,
    /// The newest list of who asked to be forgotten, from `easel backup --erasures`: they are forgotten again
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
    let forgotten = block_on(async {
        let config = &context.config;
        if is_copy(&arguments.file)? {
            let to = sqlite_path(config)?;
            backup::restore_file(&arguments.file, &to).await.map_err(|error| platform::failed(&error))?;
        }
        let platform = platform::open_for_command(config).await?;
        if !is_copy(&arguments.file)? {
            backup::restore(&platform.context, &arguments.file).await.map_err(|error| platform::failed(&error))?;
        }
        let Some(path) = &arguments.erasures else { return Ok(0) };
        let list =
            std::fs::read_to_string(path).map_err(|error| Failure::io(format!("cannot read {}", path.display()), &error))?;
        backup::replay_erasures(&platform.privacy, &list).await.map_err(|error| platform::failed(&error))
    })?;
    if context.json {
        output::line(json!({ "restored": true, "forgotten": forgotten }));
    } else if !context.quiet {
        output::line(format_args!("restored; {forgotten} people were forgotten again. `easel fsck` looks whether all is well"));
    }
    Ok(ExitCode::SUCCESS)
}

fn is_copy(path: &Path) -> Result<bool> {
    let mut begins = [0; SQLITE.len()];
    let read = File::open(path).and_then(|mut file| file.read(&mut begins));
    let read = read.map_err(|error| Failure::io(format!("cannot read {}", path.display()), &error))?;
    Ok(&begins[..read] == SQLITE)
}

/// The file of the configured database, if it is one.
fn sqlite_path(config: &Config) -> Result<PathBuf> {
    let data = &config.storage.data_dir;
    std::fs::create_dir_all(data)
        .map_err(|error| Failure::io(format!("cannot use the data folder {}", data.display()), &error))?;
    let url = config.state.database_in(data);
    let path = url.strip_prefix("sqlite:").map(|path| path.trim_start_matches("//").split('?').next().unwrap_or_default());
    path.map(PathBuf::from).ok_or_else(|| {
        Failure::new(Exit::Usage, "a copy of a SQLite file cannot be put into PostgreSQL").hint("use `easel backup --dump`")
    })
}
