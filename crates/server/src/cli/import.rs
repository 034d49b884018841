//! `easel import PATH`: takes a checkpoint or a diffusers folder on this machine into the library.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Args;
use easel_models::library::{ImportOptions, Installed, Library};
use serde_json::json;

use super::{Context, list, progress};
use crate::{
    error::{Exit, Failure, Result},
    library, output,
};

#[derive(Args)]
pub struct Arguments {
    /// A .safetensors checkpoint, or a diffusers folder
    path: PathBuf,
    /// Name to install it under; unset: the file's
    #[arg(long)]
    name: Option<String>,
    /// The licence, for `easel show`
    #[arg(long)]
    licence: Option<String>,
    /// Copy the files even where a hard link, which takes no space, would do
    #[arg(long)]
    copy: bool,
    /// Replace a model of that name
    #[arg(long)]
    force: bool,
    /// Install only the tokenizer in the folder, for single-file checkpoints that bring none
    #[arg(long, conflicts_with_all = ["name", "licence", "copy", "force"])]
    tokenizer_only: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let library = library::open(&context.config)?;
    if !arguments.path.exists() {
        return Err(Failure::new(Exit::BadInput, format!("there is no {}", arguments.path.display())));
    }
    if arguments.tokenizer_only {
        return install_tokenizer(context, &library, &arguments.path);
    }
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => default_name(&arguments.path),
    };
    let options =
        ImportOptions { licence: arguments.licence.clone(), now: now(), copy: arguments.copy, ..ImportOptions::default() };
    let bar = progress::spinner(context, "importing");
    let installed =
        make_room(&library, &name, arguments.force).and_then(|()| Ok(library.import(&arguments.path, &name, &options)?));
    bar.finish_and_clear();
    report(context, &library, installed?)
}

/// The file's or folder's own name.
fn default_name(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = if real.is_dir() { real.file_name() } else { real.file_stem() };
    library::folder_name(&name.unwrap_or_default().to_string_lossy())
}

/// Removes what is in the way, if that is wanted.
pub fn make_room(library: &Library, name: &str, force: bool) -> Result<()> {
    if library.list()?.iter().any(|model| model.id == name && !model.builtin && !model.outside) {
        if !force {
            return Err(Failure::new(Exit::BadInput, format!("a model named `{name}` is installed already"))
                .hint("replace it with --force, or choose another name with --name"));
        }
        library.remove(name)?;
    }
    Ok(())
}

/// Installs the tokenizer single-file checkpoints share.
pub fn install_tokenizer(context: &Context, library: &Library, folder: &Path) -> Result<ExitCode> {
    let files = library.install_tokenizer(folder)?;
    if context.json {
        output::line(json!({ "tokenizer": files.dir }));
    } else if !context.quiet {
        eprintln!("installed the tokenizer in {}", files.dir.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what was installed, and what it still lacks.
pub fn report(context: &Context, library: &Library, installed: Installed) -> Result<ExitCode> {
    let folder = installed.id.clone();
    let entries = library::entries(library)?;
    let entry = library::find(&entries, &folder)?;
    // A checkpoint without a tokenizer is installed all the same: the tokenizer may come later.
    let problem = library.open(&folder, context.config.models.variant.as_deref()).err().map(|error| error.to_string());
    if context.json {
        let mut out = list::to_json(entry);
        out["problem"] = json!(problem);
        output::line(out);
    } else if !context.quiet {
        let size = list::size(entry.model.manifest.size_bytes);
        eprintln!("installed {} ({size}); try: easel generate \"a lighthouse at dusk\" --model {}", entry.id, entry.id);
        if let Some(licence) = &entry.model.manifest.licence {
            eprintln!("its licence is {licence}");
        }
    }
    if let Some(problem) = problem {
        eprintln!("warning: it cannot be used yet: {problem}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
