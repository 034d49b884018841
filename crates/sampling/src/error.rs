//! What can be wrong with a sampler's configuration.

use thiserror::Error;

/// Why no table can be made.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum SamplingError {
    /// A number outside its range.
    #[error("{name} must be {expected}, got {got}")]
    OutOfRange {
        /// The field's name.
        name: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// A combination that has no definition.
    #[error("{0}")]
    Unsupported(String),
    /// A scheduler configuration file that cannot be read.
    #[error("scheduler configuration: {0}")]
    Config(String),
}
