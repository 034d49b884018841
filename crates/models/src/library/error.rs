//! Why the library refuses.

use std::path::{Path, PathBuf};

use crate::weights::WeightsError;

/// Why the library refuses.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// Not a usable name.
    #[error("{0:?} cannot name a model: use letters, digits, '.', '-' and '_', at most 100, starting with a letter or digit")]
    Name(String),
    /// The name is taken.
    #[error("a model named {0:?} exists already; remove it first or choose another name")]
    Exists(String),
    /// No model of that name.
    #[error("no model named {0:?} is installed; `easel list` shows what is")]
    NotInstalled(String),
    /// The model came with the program.
    #[error("{0:?} is built in and cannot be removed")]
    BuiltIn(String),
    /// The model lies in another program's folder.
    #[error("{0:?} lies in another program's folder, {path}, and is left there", path = .1.display())]
    Outside(String, PathBuf),
    /// The model is not usable.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A link in the model leads somewhere else.
    #[error("{}: refused, a link that leads out of the model's folder", .0.display())]
    Escapes(PathBuf),
    /// A manifest cannot be read.
    #[error("{}: {reason}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl LibraryError {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
