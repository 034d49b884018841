//! The one error at the edge, in the form OpenAI's clients read: `{"error": {message, type, param, code}}`, always with all four keys. Where
//! programs can do something with the numbers of a refusal, they are in a fifth, `details`.
//!
//! Messages say what to do and name no internals. Codes are stable: clients may depend on them.

mod platform;

use std::{any::Any, time::Duration};

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use easel_engine::{EngineError, ErrorCode, StaysError, SubmitError, scheduler::Stays};
use easel_imaging::ImagingError;
use serde_json::{Value, json};

/// Seconds after which a client may ask again while a model loads or the server restarts.
const RESTART: Duration = Duration::from_secs(5);

/// An error on its way to a client.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    param: Option<String>,
    retry_after: Option<Duration>,
    /// For programs: the numbers of a refusal.
    details: Option<Box<Value>>,
    /// OpenAI's clients repeat 408, 409, 429 and 5xx on their own; this says it would be in vain.
    final_answer: bool,
}

impl ApiError {
    /// An error without a field to blame.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), param: None, retry_after: None, details: None, final_answer: false }
    }

    /// The client's mistake in one field.
    pub fn invalid(param: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { param: Some(param.to_owned()), ..Self::new(StatusCode::BAD_REQUEST, code, message) }
    }

    /// A bug of ours. What it was belongs into the log.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "an internal error occurred; please try again")
    }

    /// No such path.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
    }

    /// The model is not here.
    pub fn model_not_found(model: &str) -> Self {
        let shown: String = model.chars().take(100).collect();
        let message = format!("The model `{shown}` does not exist; GET /v1/models lists those that do");
        let error = Self::invalid("model", "model_not_found", message);
        Self { status: StatusCode::NOT_FOUND, ..error }
    }

    /// As much as can be taken on is being taken on.
    pub(crate) fn busy() -> Self {
        Self::unavailable("server_busy", "the server is busy with others; try again in a moment", RESTART)
    }

    /// The database says nothing.
    pub(crate) fn database_away() -> Self {
        Self::unavailable("database_unavailable", "the server cannot reach what it stores in; try again later", RESTART)
    }

    pub(crate) fn timeout() -> Self {
        let message = "the picture took longer than this server allows; ask for fewer steps or a smaller picture";
        Self { final_answer: true, ..Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message) }
    }

    /// The same, and not to be asked again.
    pub(crate) fn for_good(self) -> Self {
        Self { final_answer: true, ..self }
    }

    /// What a panic becomes; its text goes to the log.
    pub(crate) fn from_panic(panic: Box<dyn Any + Send>) -> Response {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        tracing::error!(panic = text, "a handler panicked");
        Self::internal().into_response()
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What to do about it.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The field to blame, if one is.
    pub fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    /// The body, also for errors inside a stream.
    pub fn body(&self) -> Value {
        let mut error = json!({"message": self.message, "type": self.kind(), "param": self.param, "code": self.code});
        if let Some(details) = &self.details {
            error["details"] = (**details).clone();
        }
        json!({ "error": error })
    }

    /// The same, with what programs can do something with.
    fn with(self, details: Option<Value>) -> Self {
        Self { details: details.map(Box::new), ..self }
    }

    fn kind(&self) -> &'static str {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_exceeded",
            StatusCode::PAYMENT_REQUIRED => "insufficient_quota",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        }
    }

    fn unavailable(code: &'static str, message: impl Into<String>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, after.as_secs().max(1).into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.final_answer {
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        // For those who say it in another form.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StaysError> for ApiError {
    fn from(error: StaysError) -> Self {
        let why = match error {
            StaysError::Submit(error) => return error.into(),
            StaysError::Stays(why) => why,
        };
        let code = match why {
            Stays::NoRoom => "no_room",
            Stays::InUse => "model_in_use",
            Stays::Pinned => "model_pinned",
        };
        Self::new(StatusCode::CONFLICT, code, why.to_string())
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        match error {
            SubmitError::Invalid(error) => Self::invalid(error.param(), code, message),
            SubmitError::UnknownModel(model) => Self::model_not_found(&model.0),
            SubmitError::QueueFull { retry_after, .. } => Self::unavailable(code, message, retry_after),
            SubmitError::UserLimit { retry_after, .. } => {
                Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, message) }
            }
            SubmitError::Model(error) => error.into(),
            SubmitError::Loading | SubmitError::ShuttingDown => Self::unavailable(code, message, RESTART),
            SubmitError::Failed => Self::unavailable(code, "the image engine has failed and has to be restarted", RESTART * 6),
        }
    }
}

impl From<EngineError> for ApiError {
    /// The engine has logged the details.
    fn from(error: EngineError) -> Self {
        let code = error.code.as_str();
        match error.code {
            ErrorCode::ModelNotFound => Self::new(StatusCode::NOT_FOUND, code, error.message),
            ErrorCode::Unsupported => Self::new(StatusCode::BAD_REQUEST, code, error.message),
            ErrorCode::ShuttingDown | ErrorCode::DeviceFailed => Self::unavailable(code, error.message, RESTART),
            // The same request would fail in the same way.
            ErrorCode::TimeLimit => Self::timeout(),
            ErrorCode::OutOfMemory | ErrorCode::NonFinite | ErrorCode::ModelUnusable => {
                Self { final_answer: true, ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, error.message) }
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, error.message),
        }
    }
}

impl From<ImagingError> for ApiError {
    /// Of writing a picture: reading one is the client's affair and is mapped where it is read.
    fn from(error: ImagingError) -> Self {
        tracing::error!(%error, "a picture could not be written");
        Self::internal()
    }
}
