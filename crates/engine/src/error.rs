//! What can go wrong, with stable codes and texts for users.

use std::{fmt, time::Duration};

use easel_backend::BackendError;
use easel_types::ModelId;
use thiserror::Error;

use crate::scheduler::Failure;

/// Why an accepted request failed. The name is stable: clients may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// No such model.
    ModelNotFound,
    /// The model's files cannot be used.
    ModelUnusable,
    /// The model cannot do what the request asks for.
    Unsupported,
    /// The device's memory does not suffice even for one picture.
    OutOfMemory,
    /// The numbers overflowed.
    NonFinite,
    /// The device was lost.
    DeviceFailed,
    /// It took longer than it was given.
    TimeLimit,
    /// The engine was stopped before the request was finished.
    ShuttingDown,
    /// A bug.
    Internal,
}

impl ErrorCode {
    /// The name as clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ModelNotFound => "model_not_found",
            Self::ModelUnusable => "model_unusable",
            Self::Unsupported => "unsupported",
            Self::OutOfMemory => "out_of_memory",
            Self::NonFinite => "non_finite",
            Self::DeviceFailed => "device_failed",
            Self::TimeLimit => "time_limit",
            Self::ShuttingDown => "shutting_down",
            Self::Internal => "internal_error",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An accepted request that failed.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct EngineError {
    /// The stable code.
    pub code: ErrorCode,
    /// What happened and what to do, for the user.
    pub message: String,
    /// For the log and the command line; never sent to a client.
    pub detail: Option<String>,
}

impl EngineError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None }
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn shutting_down() -> Self {
        Self::new(ErrorCode::ShuttingDown, "the server is shutting down; send the request again in a moment")
    }

    pub(crate) fn panicked(what: String) -> Self {
        Self::new(ErrorCode::Internal, "an internal error stopped this request; please try again").with_detail(what)
    }
}

impl From<Failure> for EngineError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Backend(error) => error.into(),
            Failure::Panic(text) => Self::panicked(text),
            Failure::TimeLimit => {
                let message = "the picture was not ready in the time it was given; try again later, or ask for fewer steps";
                Self::new(ErrorCode::TimeLimit, message)
            }
            Failure::ShuttingDown => Self::shutting_down(),
        }
    }
}

impl From<BackendError> for EngineError {
    fn from(error: BackendError) -> Self {
        let detail = error.to_string();
        match error {
            BackendError::UnknownModel(model) => Self::new(ErrorCode::ModelNotFound, format!("model `{model}` is not installed")),
            BackendError::BadModel { model, .. } => {
                Self::new(ErrorCode::ModelUnusable, format!("model `{model}` cannot be used; the server's log says why"))
            }
            BackendError::Unsupported(message) => Self::new(ErrorCode::Unsupported, message),
            BackendError::OutOfMemory(_) => {
                Self::new(ErrorCode::OutOfMemory, "the device has too little memory for this picture; ask for a smaller one")
            }
            BackendError::NonFinite(_) => Self::new(
                ErrorCode::NonFinite,
                "the picture's numbers overflowed; try a lower guidance, another sampler or another model",
            ),
            BackendError::Device(_) => Self::new(ErrorCode::DeviceFailed, "the device failed; the server has to be restarted"),
        }
        .with_detail(detail)
    }
}

/// Why a request cannot be planned: the client's mistake.
#[derive(Debug, Clone, Error, PartialEq)]
pub enum PlanError {
    /// A value outside its range.
    #[error("`{param}` must be {expected}, got {got}")]
    OutOfRange {
        /// The field, in diffusers' spelling.
        param: &'static str,
        /// What is allowed.
        expected: String,
        /// What was given.
        got: String,
    },
    /// A picture size the model or the limits do not allow.
    #[error("{message}")]
    Size {
        /// The field: `width`, `height` or `size`.
        param: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A prompt that is too long.
    #[error("`{param}` has {got} characters, at most {max} are allowed")]
    PromptTooLong {
        /// `prompt` or `negative_prompt`.
        param: &'static str,
        /// Its characters.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// A combination that has no definition.
    #[error("{message}")]
    Unsupported {
        /// The field that is most likely to blame.
        param: &'static str,
        /// Why.
        message: String,
    },
}

impl PlanError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } => "out_of_range",
            Self::Size { .. } => "invalid_size",
            Self::PromptTooLong { .. } => "prompt_too_long",
            Self::Unsupported { .. } => "unsupported",
        }
    }

    /// The field that is to blame, in diffusers' spelling.
    pub fn param(&self) -> &'static str {
        match self {
            Self::OutOfRange { param, .. }
            | Self::Size { param, .. }
            | Self::PromptTooLong { param, .. }
            | Self::Unsupported { param, .. } => param,
        }
    }
}

/// Why a request was not accepted.
#[derive(Debug, Clone, Error, PartialEq)]
pub enum SubmitError {
    /// The client's mistake.
    #[error(transparent)]
    Invalid(#[from] PlanError),
    /// No such model here.
    #[error("model `{0}` is not installed")]
    UnknownModel(ModelId),
    /// As many requests wait as may.
    #[error("{waiting} requests are waiting already; try again in {} s", retry_after.as_secs())]
    QueueFull {
        /// Requests that wait.
        waiting: usize,
        /// When a place is likely to be free.
        retry_after: Duration,
    },
    /// As many of the user's requests are unfinished as may be.
    #[error("{unfinished} of your requests are unfinished; try again in {} s", retry_after.as_secs())]
    UserLimit {
        /// The user's unfinished requests.
        unfinished: usize,
        /// When one of them is likely to be done.
        retry_after: Duration,
    },
    /// The model cannot be loaded.
    #[error("{0}")]
    Model(EngineError),
    /// The model is still being loaded.
    #[error("the model is still being loaded; try again in a moment")]
    Loading,
    /// The engine finishes what it has and takes nothing new.
    #[error("the server is shutting down; send the request again in a moment")]
    ShuttingDown,
    /// The engine cannot work any more.
    #[error("the image engine has failed; the server's log says why")]
    Failed,
}

impl SubmitError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(error) => error.code(),
            Self::UnknownModel(_) => "model_not_found",
            Self::QueueFull { .. } => "queue_full",
            Self::UserLimit { .. } => "user_limit",
            Self::Model(error) => error.code.as_str(),
            Self::Loading => "model_loading",
            Self::ShuttingDown => "shutting_down",
            Self::Failed => "engine_failed",
        }
    }
}
