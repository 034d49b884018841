//! Why something cannot be done. Data is named by file and line; what a user wrote is never in a message.

use std::path::PathBuf;

use thiserror::Error;

/// Why something cannot be done.
#[derive(Debug, Error)]
pub enum PromptsError {
    /// A line of a data file.
    #[error("{file}, line {line}: {problem}")]
    Line {
        /// The file's name.
        file: String,
        /// Counted from one.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// An operator's folder or file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A data file is too long to be one.
    #[error("{} is larger than {max} bytes: split it", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// How long it may be.
        max: u64,
    },
    /// There is no such style.
    #[error("there is no style {0}: see the list of styles")]
    UnknownStyle(String),
    /// A style was named twice.
    #[error("the style {0} is named twice")]
    RepeatedStyle(String),
    /// Too many styles at once.
    #[error("at most {max} styles can be combined")]
    TooManyStyles {
        /// How many there may be.
        max: usize,
    },
    /// The style is no longer what it was for this record.
    #[error("the style {0} has changed since: use the prompt as it was recorded")]
    ChangedStyle(String),
    /// A helper beyond this host failed.
    #[error("the prompt could not be enhanced: {0}")]
    Enhancer(String),
}

impl PromptsError {
    /// A code that stays.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Line { .. } | Self::TooLarge { .. } => "prompt_data_invalid",
            Self::Read { .. } => "prompt_data_unreadable",
            Self::UnknownStyle(_) => "style_not_found",
            Self::RepeatedStyle(_) => "style_repeated",
            Self::TooManyStyles { .. } => "styles_too_many",
            Self::ChangedStyle(_) => "style_changed",
            Self::Enhancer(_) => "enhancer_failed",
        }
    }
}
