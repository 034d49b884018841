//! `easel pull MODEL`: downloads a model from the hub and installs it. Interrupted downloads go on where they stopped.

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
    known::{self, KnownModel},
    library,
    signals::Signals,
};

#[derive(Args)]
pub struct Arguments {
    /// A known model's short name, ORG/NAME, ORG/NAME@REVISION, or ORG/NAME:FILE.safetensors
    model: String,
    /// Name to install it under; unset: the short name, or the repository's
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
    let known = known::find(&arguments.model);
    let options = options(arguments, known, &context.config)?;
    let library = library::open(&context.config)?;
    let name = match (&arguments.name, known) {
        (Some(name), _) => name.clone(),
        (None, Some(known)) => known.id.to_owned(),
        (None, None) => default_name(&options),
    };
    if !arguments.tokenizer_only && !arguments.force {
        // Before gigabytes are downloaded.
        import::make_room(&library, &name, false)?;
    }
    if let Some(known) = known.filter(|_| !context.quiet && !context.json) {
        let KnownModel { title, repo, licence, .. } = known;
        eprintln!("{title} is {repo}; its licence is {} ({})", licence.name, licence.url);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io("cannot start", &error))?;
    let mut pulled = runtime.block_on(download(context, options))?;
    pulled.licence = pulled.licence.or_else(|| Some(known?.licence.name.clone()));
    if arguments.tokenizer_only {
        return import::install_tokenizer(context, &library, &pulled.folder);
    }
    let bar = progress::spinner(context, "installing");
    let installed = import::make_room(&library, &name, arguments.force)
        .and_then(|()| Ok(library.import_pulled(&pulled, &name, known.map(|known| known.defaults.clone()), import::now())?));
    bar.finish_and_clear();
    import::report(context, &library, installed?)
}

fn options(arguments: &Arguments, known: Option<&KnownModel>, config: &Config) -> Result<PullOptions> {
    let mut options = match known {
        Some(known) => PullOptions::parse(&format!("{}@{}", known.repo, known.revision))?,
        None => PullOptions::parse(&arguments.model).map_err(|error| Failure::from(error).hint(known_names()))?,
    };
    if arguments.tokenizer_only {
        options.want = Want::Tokenizer;
    }
    options.variant = config.models.variant.clone().or_else(|| known?.variant.clone());
    options.endpoint = config.hub.endpoint.clone();
    options.token = config.hub.token.clone();
    options.cache = Some(config.hub.cache(&config.storage));
    options.offline = config.hub.offline;
    Ok(options)
}

fn known_names() -> String {
    let names: Vec<_> = known::all().iter().map(|model| model.id).collect();
    format!("the short names are {}; `easel list --known` says more", names.join(", "))
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
