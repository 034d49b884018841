//! The installed models as users name them: the library of the data folder, the built-in model first.
//!
//! On disk a model's name is a folder's name, which cannot hold a slash. What was pulled as `org/name` lies in `org--name` and is listed
//! as `org/name`; both names are understood.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use easel_models::{
    adapters::Shelf,
    backend::Catalogue,
    library::{Installed, Library, LibraryError},
};
use easel_types::ModelId;

use crate::{
    builtin,
    config::{Config, file::nearest},
    error::{Exit, Failure, Result},
};

/// Where to go from having no model.
pub const HINT: &str =
    "`easel list` shows what is installed; `easel pull ORG/NAME` downloads a model, `easel import FILE` takes one in";

/// An installed model and the name users see.
#[derive(Debug, Clone)]
pub struct Entry {
    /// As users name it.
    pub id: ModelId,
    /// As it lies on disk.
    pub model: Installed,
}

impl Entry {
    fn is_called(&self, name: &str) -> bool {
        self.id.0 == name || self.model.id == name
    }
}

/// Opens the library of the configured data folder, with the checkpoints of other programs' folders; the built-in model is unpacked on first
/// use.
pub fn open(config: &Config) -> Result<Library> {
    let library = Library::new(&config.storage.data_dir).with_shelf(shelf(config)?);
    Ok(match builtin::unpack(&config.storage.data_dir)? {
        Some(folder) => library.with_builtin(folder),
        None => library,
    })
}

/// Where LoRAs, embeddings, ControlNets and checkpoints are looked for: the data folder, then what is configured.
pub fn shelf(config: &Config) -> Result<Shelf> {
    let own = Shelf::default().with_root(&config.storage.data_dir);
    config.models.adapters.iter().try_fold(own, |shelf, path| {
        let list = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        match list {
            true => shelf.with_extra_paths(path).map_err(|error| Failure::new(Exit::Usage, error.to_string())),
            false => Ok(shelf.with_root(path)),
        }
    })
}

/// Every model, the built-in one first, then by name.
pub fn entries(library: &Library) -> Result<Vec<Entry>> {
    let mut entries: Vec<_> = library.list()?.into_iter().map(|model| Entry { id: public_name(&model), model }).collect();
    entries.sort_by(|a, b| (!a.model.builtin, &a.id).cmp(&(!b.model.builtin, &b.id)));
    Ok(entries)
}

/// A model by either of its names.
pub fn find<'a>(entries: &'a [Entry], name: &str) -> Result<&'a Entry> {
    entries.iter().find(|entry| entry.is_called(name)).ok_or_else(|| {
        let near = nearest(name, entries.iter().map(|entry| entry.id.0.as_str()));
        let meant = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        Failure::new(Exit::Model, format!("model `{name}` is not installed")).hint(format!("{meant}{HINT}"))
    })
}

/// The library as backends see it, listed anew whenever somebody asks what there is. Clones share one list.
#[derive(Clone)]
pub struct Listed {
    library: Library,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Listed {
    /// The library, with what it was last seen to hold.
    pub fn new(library: Library, entries: Vec<Entry>) -> Self {
        Self { library, entries: Arc::new(Mutex::new(entries)) }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find<T>(&self, model: &ModelId, get: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.entries().iter().find(|entry| entry.id == *model).map(get)
    }
}

impl Catalogue for Listed {
    fn models(&self) -> Vec<ModelId> {
        // One folder nobody can read is no reason to forget the others.
        match entries(&self.library) {
            Ok(entries) => *self.entries() = entries,
            Err(error) => tracing::warn!(error = error.message, "the installed models cannot be listed; keeping the last list"),
        }
        self.entries().iter().map(|entry| entry.id.clone()).collect()
    }

    fn locate(&self, model: &ModelId) -> Option<PathBuf> {
        self.find(model, |entry| entry.model.path.clone())
    }

    fn hash(&self, model: &ModelId) -> Option<String> {
        self.find(model, |entry| entry.model.manifest.short_hash().map(str::to_owned))?
    }

    fn tokenizer_roots(&self) -> Vec<PathBuf> {
        self.library.tokenizer_roots()
    }
}

fn public_name(model: &Installed) -> ModelId {
    let source = model.manifest.source.as_deref().filter(|source| source.contains('/') && folder_name(source) == model.id);
    ModelId(source.unwrap_or(&model.id).to_owned())
}

/// The folder a repository is installed in, and the name of an imported file, where nobody gives one: what is not allowed becomes a dash.
pub fn folder_name(source: &str) -> String {
    let mut name = String::with_capacity(source.len());
    for c in source.chars() {
        match c {
            '/' => name.push_str("--"),
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') => name.push(c),
            '.' if !name.ends_with('.') => name.push('.'),
            _ => name.push('-'),
        }
    }
    name.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

impl From<LibraryError> for Failure {
    fn from(error: LibraryError) -> Self {
        let exit = match &error {
            LibraryError::Name(_) => Exit::Usage,
            LibraryError::Exists(_) | LibraryError::BuiltIn(_) | LibraryError::Outside(..) => Exit::BadInput,
            LibraryError::Io { .. } => Exit::Failure,
            _ => Exit::Model,
        };
        Self::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders() {
        assert_eq!(folder_name("org/some.name-v1"), "org--some.name-v1");
        assert_eq!(folder_name("My model (final)..v2"), "My-model--final-.-v2");
        assert_eq!(folder_name("..."), "");
    }
}
