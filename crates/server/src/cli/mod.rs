//! The command line: one file per command.
//!
//! Results go to stdout, everything else to stderr. With `--json` a command prints exactly one JSON object, failures included.

mod admin;
mod backup;
mod bench;
mod completions;
mod config;
mod doctor;
mod files;
mod fsck;
mod generate;
mod import;
mod list;
mod migrate;
mod overrides;
mod people;
mod progress;
mod pull;
mod restore;
mod rm;
mod secrets;
mod serve;
mod show;
mod usage;

use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    config::{self as configuration, Config, Flags, Setting},
    error::{EXIT_CODES, Failure, Result},
    output,
};
use overrides::{Group, Overrides};

/// Self-hosted image generation: Stable Diffusion behind a command line and an HTTP server.
#[derive(Parser)]
#[command(name = "easel", version, propagate_version = true, args_override_self = true, after_help = EXIT_CODES, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Args)]
struct Common {
    /// Configuration file; unset: ./easel.toml, then easel.toml in the data folder, then in the user's configuration folder [env: EASEL_CONFIG]
    #[arg(long, global = true, value_name = "FILE", help_heading = COMMON)]
    config: Option<String>,
    /// Print one JSON object on stdout
    #[arg(long, global = true, help_heading = COMMON)]
    json: bool,
    /// No progress bars and no remarks
    #[arg(short, long, global = true, help_heading = COMMON)]
    quiet: bool,
    #[command(flatten)]
    settings: Overrides<CommonGroup>,
}

/// The heading of what every command takes.
const COMMON: &str = "Common options";

struct CommonGroup;

impl Group for CommonGroup {
    const SETTINGS: &'static [&'static [&'static Setting]] = &[configuration::storage::SETTINGS, configuration::log::SETTINGS];
    const GLOBAL: bool = true;
    const HEADING: &'static str = COMMON;
}

#[derive(Subcommand)]
enum Command {
    /// Draw pictures
    Generate(Box<generate::Arguments>),
    /// Serve the HTTP API
    Serve(serve::Arguments),
    /// Show the installed models
    #[command(visible_alias = "ls", alias = "models")]
    List(list::Arguments),
    /// Show what is known of a model
    Show(show::Arguments),
    /// Download a model from the hub and install it
    Pull(pull::Arguments),
    /// Install a checkpoint or a diffusers folder from this machine
    Import(import::Arguments),
    /// Remove installed models
    Rm(rm::Arguments),
    /// Measure what this machine does
    Bench(bench::Arguments),
    /// Check devices, memory, models, disk and port
    Doctor(doctor::Arguments),
    /// Make administrators, and look after people
    Admin(admin::Arguments),
    /// Bring the database's tables up to date
    Migrate(migrate::Arguments),
    /// Copy the database, while the server runs
    Backup(backup::Arguments),
    /// Put a copy of the database back
    Restore(restore::Arguments),
    /// Check that the books are right and every picture is there
    Fsck(fsck::Arguments),
    /// The secrets the server must be able to read again, and the keys they are kept under
    Secrets(secrets::Arguments),
    /// Show every setting, its value, and where the value came from
    Config(config::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
}

/// What a command has to work with.
struct Context {
    config: Config,
    json: bool,
    quiet: bool,
}

/// Parses the command line, runs the command, and says how it went.
pub fn main() -> ExitCode {
    let cli = match Cli::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => usage::exit(&error),
    };
    let json = cli.common.json;
    match run(cli) {
        Ok(code) => code,
        Err(failure) => report(&failure, json),
    }
}

fn report(failure: &Failure, json: bool) -> ExitCode {
    if json {
        output::line(failure.to_json());
    }
    eprintln!("{failure}");
    failure.exit.into()
}

fn run(cli: Cli) -> Result<ExitCode> {
    let Cli { common, command } = cli;
    match command {
        Command::Completions(arguments) => completions::run(&arguments, &mut Cli::command()),
        Command::Config(arguments) => config::run(&common.context(arguments.settings.flags.clone(), "warn")?, &arguments),
        Command::Bench(arguments) => bench::run(&common.context(arguments.settings.flags.clone(), "warn")?, &arguments),
        Command::Doctor(arguments) => doctor::run(&common.context(arguments.settings.flags, "error")?),
        Command::Generate(arguments) => generate::run(&common.context(arguments.settings.flags.clone(), "warn")?, &arguments),
        Command::List(arguments) => list::run(&common.context(Flags::new(), "warn")?, &arguments),
        Command::Show(arguments) => show::run(&common.context(Flags::new(), "warn")?, &arguments),
        Command::Pull(arguments) => pull::run(&common.context(arguments.settings.flags.clone(), "warn")?, &arguments),
        Command::Import(arguments) => import::run(&common.context(Flags::new(), "warn")?, &arguments),
        Command::Rm(arguments) => rm::run(&common.context(Flags::new(), "warn")?, &arguments),
        Command::Admin(arguments) => admin::run(&common.context(arguments.settings.flags.clone(), "warn")?, &arguments),
        Command::Migrate(arguments) => migrate::run(&common.context(arguments.settings.flags, "warn")?),
        Command::Backup(arguments) => backup::run(&common.context(arguments.settings.flags.clone(), "warn")?, &arguments),
        Command::Restore(arguments) => restore::run(&common.context(arguments.settings.flags.clone(), "warn")?, &arguments),
        Command::Fsck(arguments) => fsck::run(&common.context(arguments.settings.flags.clone(), "warn")?, &arguments),
        Command::Secrets(arguments) => secrets::run(&common.context(arguments.settings.flags.clone(), "warn")?, &arguments),
        Command::Serve(arguments) => serve::run(&common.context(arguments.settings.flags, "info")?),
    }
}

/// Runs a command's async work to its end.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::io("cannot start", &error))?.block_on(work)
}

impl Common {
    /// Reads the configuration with the command's own flags on top, and starts logging.
    fn context(self, flags: Flags, log: &str) -> Result<Context> {
        let mut all = self.settings.flags;
        all.extend(flags);
        let config = Config::load(all, self.config.as_deref(), &configuration::environment())?;
        crate::logging::start(&config.log, log)?;
        for (name, nearest) in &config.values.unknown_variables {
            let meant = nearest.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
            tracing::warn!("the environment variable {name} means nothing to easel{meant}");
        }
        Ok(Context { config, json: self.json, quiet: self.quiet })
    }
}
