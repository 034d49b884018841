//! `easel pull ORG/NAME`: downloads a model from the hub and installs it. Interrupted downloads go on where they stopped.

use std::process::ExitCode;

use clap::Args;
use easel_models::hub::{self, HubError, Progress, PullOptions, Pulled, Want};

use super::{
    Context, import,
    overrides::{Group, Overrides},
    progress,
};
use crate::{
    config::{self, Config, Setting},
    error::{Exit, Failure, Result},
    library,
    signals::Signals,
};

#[derive(Args)]
pub struct Arguments {
    /// ORG/NAME, ORG/NAME@REVISION, or ORG/NAME:FILE.safetensors
    model: String,
    /// Name to install it under; unset: the repository's
    #[arg(long)]
    name: Option<String>,
    /// Replace an installed model of that name
    #[arg(long)]
    force: bool,
    /// Only the tokenizer, for single-file checkpoints that bring none, such as openai/clip-vit-large-patch14
    #[arg(long, conflicts_with_all = ["name", "force"])]
    tokenizer_only: bool,
    #[command(flatten)]
    pub settings: Overrides<Settings>,
}

pub struct Settings;

impl Group for Settings {
    const SETTINGS: &'static [&'static [&'static Setting]] = &[config::hub::SETTINGS, &[&config::models::VARIANT]];
    const HEADING: &'static str = "Settings";
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let options = options(arguments, &context.config)?;
    let library = library::open(&context.config)?;
    let name = arguments.name.clone().unwrap_or_else(|| default_name(&options));
    if !arguments.tokenizer_only && !arguments.force {
        // Before gigabytes are downloaded.
        import::make_room(&library, &name, false)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io("cannot start", &error))?;
    let pulled = runtime.block_on(download(context, options))?;
    if arguments.tokenizer_only {
        return import::install_tokenizer(context, &library, &pulled.folder);
    }
    let bar = progress::spinner(context, "installing");
    let installed = import::make_room(&library, &name, arguments.force)
        .and_then(|()| Ok(library.import_pulled(&pulled, &name, import::now())?));
    bar.finish_and_clear();
    import::report(context, &library, installed?)
}

fn options(arguments: &Arguments, config: &Config) -> Result<PullOptions> {
    let mut options = PullOptions::parse(&arguments.model)?;
    if arguments.tokenizer_only {
        options.want = Want::Tokenizer;
    }
    options.variant = config.models.variant.clone();
    options.endpoint = Some(config.hub.endpoint.clone());
    options.token = config.hub.token.clone();
    options.cache = Some(config.hub.cache(&config.storage));
    options.offline = config.hub.offline;
    Ok(options)
}

/// A repository's folder, or the stem of the one file that is wanted.
fn default_name(options: &PullOptions) -> String {
    match &options.want {
        Want::File(file) => {
            let file = file.rsplit('/').next().unwrap_or(file);
            library::folder_name(file.strip_suffix(".safetensors").unwrap_or(file))
        }
        _ => library::folder_name(&options.repo),
    }
}

async fn download(context: &Context, options: PullOptions) -> Result<Pulled> {
    let mut signals = Signals::listen()?;
    let bar = progress::bytes(context);
    bar.set_message("looking");
    let watched = bar.clone();
    let pull = hub::pull(options, move |event| match event {
        Progress::Planned { bytes, present, .. } => {
            watched.set_length(bytes);
            watched.set_position(present);
            // What the cache had does not count for the rate.
            watched.reset_eta();
        }
        Progress::Bytes { file, all_done, .. } => {
            watched.set_message(shorten(&file));
            watched.set_position(all_done);
        }
        Progress::Verified { .. } => {}
    });
    let result = tokio::select! {
        result = pull => result.map_err(Failure::from),
        exit = signals.next() => {
            Err(Failure::new(exit, "interrupted; what has been downloaded is kept").hint("pull again to go on from there"))
        }
    };
    bar.finish_and_clear();
    result
}

/// The end of a path that fits beside the bar.
fn shorten(path: &str) -> String {
    const MOST: usize = 32;
    let length = path.chars().count();
    if length <= MOST { path.to_owned() } else { format!("…{}", path.chars().skip(length - MOST + 1).collect::<String>()) }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        let exit = match &error {
            HubError::Name(_) => Exit::Usage,
            HubError::NotFound { .. } | HubError::Denied { .. } | HubError::Unusable { .. } | HubError::Offline { .. } => {
                Exit::Model
            }
            _ => Exit::Failure,
        };
        Self::new(exit, error.to_string())
    }
}
