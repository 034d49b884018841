//! Why a model cannot be loaded or used.

use thiserror::Error;

use crate::{config::ConfigError, ops::OpsError, prompt::PromptError, weights::WeightsError};

/// Any failure of loading or running a model.
#[derive(Debug, Error)]
pub enum ModelError {
    /// A `config.json` that cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A weight file that cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A tokenizer that cannot be used, or a prompt that it cannot encode.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The device.
    #[error(transparent)]
    Ops(OpsError),
    /// A LoRA or an embedding that is not there.
    #[error(transparent)]
    Shelf(#[from] crate::adapters::ShelfError),
    /// The scheduler's configuration.
    #[error(transparent)]
    Sampling(#[from] easel_sampling::SamplingError),
    /// A request the model cannot serve.
    #[error("{0}")]
    Unsupported(String),
}

impl ModelError {
    /// Of a file that a request names: whoever sent it is told what is wrong with it, and not where it lies.
    pub(crate) fn asked_for_as(self, name: &str) -> Self {
        match self {
            Self::Weights(error) => Self::Weights(error.asked_for_as(name)),
            Self::Config(error) => Self::Config(ConfigError { file: name.to_owned(), ..error }),
            error => error,
        }
    }
}

impl From<OpsError> for ModelError {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::Weights(error) => Self::Weights(error),
            error => Self::Ops(error),
        }
    }
}
