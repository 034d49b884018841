//! Why a job is not done.

use easel_engine::{EngineError, ErrorCode, SubmitError};
use easel_imaging::ImagingError;

use super::{Stop, keep::BLOCKED};
use crate::PlatformError;

/// Why a job is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It cannot be, or not now.
    Failed {
        /// For programs.
        code: &'static str,
        /// For people.
        message: String,
        /// Another attempt may succeed.
        retryable: bool,
    },
    /// It must not go on.
    Stopped(Stop),
    /// This node is leaving: somebody else will do it.
    Leaving,
}

impl Trouble {
    /// The same again would fail in the same way.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Failed { code, message: message.into(), retryable: false }
    }

    /// Whether it is a picture that is not to be kept.
    pub fn is_blocked(&self) -> bool {
        matches!(self, Self::Failed { code, .. } if *code == BLOCKED)
    }

    /// Another attempt may succeed.
    pub fn passing(code: &'static str, message: impl Into<String>) -> Self {
        Self::Failed { code, message: message.into(), retryable: true }
    }
}

impl From<SubmitError> for Trouble {
    fn from(error: SubmitError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        match error {
            SubmitError::Invalid(_) | SubmitError::UnknownModel(_) => Self::refused(code, message),
            SubmitError::ShuttingDown => Self::Leaving,
            SubmitError::Model(error) => error.into(),
            _ => Self::passing(code, message),
        }
    }
}

impl From<EngineError> for Trouble {
    /// The engine has logged the details.
    fn from(error: EngineError) -> Self {
        let code = error.code.as_str();
        match error.code {
            ErrorCode::ShuttingDown => Self::Leaving,
            ErrorCode::DeviceFailed => Self::passing(code, error.message),
            _ => Self::refused(code, error.message),
        }
    }
}

impl From<ImagingError> for Trouble {
    fn from(error: ImagingError) -> Self {
        tracing::error!(%error, "a picture could not be finished");
        Self::refused("picture_unusable", "the picture could not be finished")
    }
}

impl From<PlatformError> for Trouble {
    fn from(error: PlatformError) -> Self {
        tracing::error!(error = ?error, "a job is in trouble");
        Self::passing("internal_error", "the server has failed")
    }
}
