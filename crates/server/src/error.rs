//! How a command fails: a message, what to do about it, and an exit code scripts can tell apart.

use std::{fmt, process::ExitCode};

use easel_backend::BackendError;
use easel_engine::{EngineError, ErrorCode, SubmitError};
use easel_imaging::ImagingError;
use easel_models::DeviceError;
use serde_json::{Value, json};

use crate::config::ConfigError;

/// What the exit codes mean, for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed for another reason than those below; for `doctor`: a check failed
  2    wrong usage or configuration
  3    bad input: prompt, picture or parameters
  4    the model is missing or cannot be used
  5    the device is not available or has failed
  6    out of memory
  130  interrupted (143: terminated)";

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Anything else.
    Failure = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Prompt, picture or parameters.
    BadInput = 3,
    /// The model is missing or cannot be used.
    Model = 4,
    /// The device is not available or has failed.
    Device = 5,
    /// Out of memory.
    OutOfMemory = 6,
    /// Ctrl-C.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// The name, for machines.
    fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Usage => "usage",
            Self::BadInput => "bad_input",
            Self::Model => "model",
            Self::Device => "device",
            Self::OutOfMemory => "out_of_memory",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Result of a command.
pub type Result<T> = std::result::Result<T, Failure>;

/// A command that failed.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure that says it all.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file or folder the system does not let us use.
    pub fn io(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(Exit::Failure, format!("{what}: {error}"))
    }

    /// As `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({ "error": { "code": self.exit.name(), "message": self.message, "hint": self.hint } })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { exit: Exit::Usage, message: error.message, hint: error.hint }
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        let exit = if matches!(error, DeviceError::Unknown(_)) { Exit::Usage } else { Exit::Device };
        Self::new(exit, error.to_string())
    }
}

impl From<ImagingError> for Failure {
    fn from(error: ImagingError) -> Self {
        Self::new(Exit::BadInput, error.to_string())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let exit = match error.code {
            ErrorCode::ModelNotFound | ErrorCode::ModelUnusable => Exit::Model,
            ErrorCode::Unsupported | ErrorCode::NonFinite => Exit::BadInput,
            ErrorCode::OutOfMemory => Exit::OutOfMemory,
            ErrorCode::DeviceFailed => Exit::Device,
            ErrorCode::TimeLimit => Exit::Failure,
            _ => Exit::Failure,
        };
        // Whoever runs the command may see the detail: it is their machine. The message for clients points to the log for it.
        match (error.detail, error.code) {
            (Some(detail), ErrorCode::OutOfMemory | ErrorCode::NonFinite) if detail != error.message => {
                Self::new(exit, detail).hint(error.message)
            }
            (Some(detail), _) => Self::new(exit, detail),
            (None, _) => Self::new(exit, error.message),
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let exit = match &error {
            SubmitError::Invalid(_) => Exit::BadInput,
            SubmitError::UnknownModel(_) => Exit::Model,
            _ => Exit::Failure,
        };
        let failure = Self::new(exit, error.to_string());
        match exit {
            Exit::Model => failure.hint("`easel list` shows what is installed; `easel pull ORG/NAME` downloads a model"),
            _ => failure,
        }
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        EngineError::from(error).into()
    }
}
