//! What can be wrong with weights. Every message starts with the file and, where there is one, names the tensor.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a model file or folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file cannot be read at all.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file concerned.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not well-formed safetensors.
    #[error("{}: not a valid safetensors file: {reason}", file.display())]
    Header {
        /// The file concerned.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// One tensor of the file is unusable.
    #[error("{}: tensor {}: {reason}", file.display(), shorten(tensor))]
    Tensor {
        /// The file concerned.
        file: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor that the architecture needs is not there.
    #[error("{}: tensor {} is missing", file.display(), shorten(tensor))]
    Missing {
        /// The file (or the folder, for a sharded component) concerned.
        file: PathBuf,
        /// The name that was asked for.
        tensor: String,
    },
    /// A tensor is there, with another shape than the architecture has.
    #[error("{}: tensor {}: shape {found:?} found, the model's configuration needs {expected:?}", file.display(), shorten(tensor))]
    Shape {
        /// The file concerned.
        file: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape asked for.
        expected: Vec<usize>,
    },
    /// A pickle, refused whatever it holds: reading one can run code.
    #[error(
        "{}: refused, this is a pickle checkpoint, and reading one can run code; convert it to .safetensors on a machine you trust, or get the .safetensors file of the model",
        file.display()
    )]
    Pickle {
        /// The file concerned.
        file: PathBuf,
    },
    /// The model as a whole is incomplete, garbled or of an unsupported kind.
    #[error("{}: {reason}", file.display())]
    Model {
        /// The file or folder concerned.
        file: PathBuf,
        /// What is wrong and what to do next.
        reason: String,
    },
}

impl WeightsError {
    pub(crate) fn io(file: &Path, source: io::Error) -> Self {
        Self::Io { file: file.to_owned(), source }
    }

    pub(crate) fn header(file: &Path, reason: impl Into<String>) -> Self {
        Self::Header { file: file.to_owned(), reason: reason.into() }
    }

    pub(crate) fn tensor(file: &Path, tensor: &str, reason: impl Into<String>) -> Self {
        Self::Tensor { file: file.to_owned(), tensor: tensor.to_owned(), reason: reason.into() }
    }

    pub(crate) fn missing(file: &Path, tensor: &str) -> Self {
        Self::Missing { file: file.to_owned(), tensor: tensor.to_owned() }
    }

    pub(crate) fn model(file: &Path, reason: impl Into<String>) -> Self {
        Self::Model { file: file.to_owned(), reason: reason.into() }
    }

    /// The same, with the name that a file was asked for by instead of where it lies.
    pub(crate) fn asked_for_as(mut self, name: &str) -> Self {
        match &mut self {
            Self::Io { file, .. }
            | Self::Header { file, .. }
            | Self::Tensor { file, .. }
            | Self::Missing { file, .. }
            | Self::Shape { file, .. }
            | Self::Pickle { file }
            | Self::Model { file, .. } => *file = name.into(),
        }
        self
    }

    /// The file or folder that the error is about.
    pub fn file(&self) -> &Path {
        match self {
            Self::Io { file, .. }
            | Self::Header { file, .. }
            | Self::Tensor { file, .. }
            | Self::Missing { file, .. }
            | Self::Shape { file, .. }
            | Self::Pickle { file }
            | Self::Model { file, .. } => file,
        }
    }
}

/// A name from a file made fit for a message: quoted, control characters escaped, cut where a hostile file made it huge.
pub(crate) fn shorten(name: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 160;
    let mut shown: String = name.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
