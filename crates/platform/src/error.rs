//! Why something is not done. Each has a stable code; what the database said stays in the sources.

use std::time::Duration;

use easel_store::{Credits, StoreError, backup::BackupError, ledger::LedgerError};
use thiserror::Error;

/// Why something is not done.
#[derive(Debug, Error)]
pub enum PlatformError {
    /// There is none, or it is somebody else's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// They may not.
    #[error("this is not allowed: {0}")]
    Forbidden(&'static str),
    /// Not who they say, or no longer.
    #[error("the credentials are not valid")]
    Unauthenticated,
    /// Too many failed attempts.
    #[error("too many failed attempts: try again in {} s", retry_after.as_secs())]
    LoginBlocked {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Somebody has it already.
    #[error("the {0} is taken")]
    Taken(&'static str),
    /// A value that cannot be accepted.
    #[error("the {field} {problem}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A token that was used, has ended, or never was.
    #[error("the link is not valid or was used already: ask for a new one")]
    Token,
    /// Not enough to pay for it.
    #[error("{needed} credits are needed and {available} are there")]
    InsufficientCredits {
        /// What it costs.
        needed: Credits,
        /// What can be spent.
        available: Credits,
    },
    /// One of the plan's limits.
    #[error("the plan's limit is reached: {what} (at most {max})")]
    Limit {
        /// The stable code of the limit.
        code: &'static str,
        /// What there is enough of.
        what: &'static str,
        /// How many are allowed.
        max: i64,
    },
    /// A model that the plan does not open.
    #[error("this model is for plans with {tier} models: choose another model, or another plan")]
    ModelNotInPlan {
        /// The least tier that has it.
        tier: &'static str,
    },
    /// Something that another plan has.
    #[error("the plan has no {0}: choose another plan")]
    PlanRequired(&'static str),
    /// Papers whose version of now somebody has not agreed to.
    #[error("agree to {papers} first: GET /api/v1/users/me/consents lists what is missing, POST to the same address agrees")]
    ConsentRequired {
        /// Which, and in which version.
        papers: String,
    },
    /// The key was used for another request.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// Another worker has the job, or it has ended.
    #[error("the job is no longer this worker's")]
    LeaseLost,
    /// A booking that makes no sense; our mistake.
    #[error("this cannot be booked")]
    Ledger(#[source] LedgerError),
    /// A text that is not taken here. What was found in it is not told.
    #[error("this is not taken here: {category}")]
    ContentBlocked {
        /// The category of what was found.
        category: String,
    },
    /// Nobody could look at a picture.
    #[error("nobody can look at pictures for the moment: try again later")]
    LookUnavailable,
    /// Settings that make no sense.
    #[error("the settings cannot be used: {0}")]
    Settings(String),
    /// A picture that cannot be read.
    #[error("the picture cannot be used: {0}")]
    Picture(#[from] easel_imaging::ImagingError),
    /// Files.
    #[error("a file cannot be read or written")]
    File(#[from] std::io::Error),
    /// A stored secret that no key of the ring opens.
    #[error("a stored secret cannot be read")]
    Sealed,
    /// Too many requests.
    #[error("too many requests: at most {max} in {seconds} s; try again in {} s", retry_after.as_secs() + 1)]
    TooManyRequests {
        /// How long to wait.
        retry_after: Duration,
        /// How many the limit lets through.
        max: u32,
        /// In how many seconds.
        seconds: u32,
    },
    /// Styles and prompts.
    #[error(transparent)]
    Prompts(#[from] easel_prompts::PromptsError),
    /// It has to be bought.
    #[error("this has to be paid for first: POST /api/v1/subscriptions/checkout says where")]
    PaymentRequired,
    /// A message in a payment service's name that is not signed as it should be.
    #[error("the signature is not valid")]
    PaymentSignature,
    /// The payment service does not answer, or not as it should.
    #[error("the payment service does not answer: try again later")]
    PaymentUnavailable,
    /// What was to be sent to an address is not there.
    #[error("the picture has not arrived: send it to the address first")]
    NotArrived,
    /// What was to be sent to an address was sent before.
    #[error("the picture has arrived already: nothing takes its place")]
    Arrived,
    /// Logging in at an identity provider did not work.
    #[error(transparent)]
    SignIn(#[from] crate::sign_in::SignInError),
    /// Addresses that somebody named.
    #[error(transparent)]
    Outbound(#[from] easel_outbound::OutboundError),
    /// Stored pictures.
    #[error(transparent)]
    Blobs(#[from] easel_blobs::BlobError),
    /// Copies of the database.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PlatformError {
    /// The stable name clients see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::Forbidden(_) => "forbidden",
            Self::Unauthenticated => "unauthenticated",
            Self::LoginBlocked { .. } => "too_many_attempts",
            Self::Taken(_) => "already_taken",
            Self::Invalid { .. } => "invalid_value",
            Self::Token => "token_invalid",
            Self::InsufficientCredits { .. } => "insufficient_credits",
            Self::Limit { code, .. } => code,
            Self::ModelNotInPlan { .. } => "model_not_in_plan",
            Self::PlanRequired(_) => "plan_required",
            Self::ConsentRequired { .. } => "consent_required",
            Self::KeyReused => "idempotency_key_reused",
            Self::LeaseLost => "lease_lost",
            Self::Ledger(error) => error.code(),
            Self::ContentBlocked { .. } => "content_blocked",
            Self::LookUnavailable => "safety_unavailable",
            Self::Settings(_) | Self::File(_) | Self::Sealed => "internal_error",
            Self::Picture(_) => "picture_invalid",
            Self::TooManyRequests { .. } => "rate_limited",
            Self::Prompts(error) => error.code(),
            Self::PaymentRequired => "payment_required",
            Self::PaymentSignature => "signature_invalid",
            Self::PaymentUnavailable => "payment_unavailable",
            Self::NotArrived => "upload_not_arrived",
            Self::Arrived => "upload_arrived",
            Self::SignIn(error) => error.code(),
            Self::Outbound(error) => error.code(),
            Self::Blobs(error) => error.code(),
            Self::Backup(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// Whether the same may succeed if it is done again at once.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_busy())
    }
}

impl From<LedgerError> for PlatformError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Insufficient { needed, available } => Self::InsufficientCredits { needed, available },
            LedgerError::Store(error) => Self::Store(error),
            error => Self::Ledger(error),
        }
    }
}
