//! What goes wrong with a provider, by what is to be done about it.
//!
//! Of what a provider says nothing is kept but its status, its code and its request's id, and these only as far as they are plain words:
//! messages repeat prompts and parts of keys.

use std::{fmt, time::Duration};

use easel_outbound::OutboundError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ProviderId;

/// What is to be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The request is wrong: its sender is told, nobody else is asked.
    UserError,
    /// The provider refuses what is asked for: its sender is told, nobody else is asked.
    Moderated,
    /// Too much at once: another provider, and this one after a while.
    RateLimited,
    /// The account has no credit: another provider, and this one when its operator says so.
    Quota,
    /// Not now: another provider.
    Transient,
    /// Not at all, with this account or model: another provider.
    Permanent,
    /// An answer that is none: another provider.
    Garbage,
    /// No answer in time: another provider, if there is time for one.
    Timeout,
}

impl FailureClass {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::UserError,
        Self::Moderated,
        Self::RateLimited,
        Self::Quota,
        Self::Transient,
        Self::Permanent,
        Self::Garbage,
        Self::Timeout,
    ];

    /// The name in metrics, records and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserError => "user_error",
            Self::Moderated => "moderated",
            Self::RateLimited => "rate_limited",
            Self::Quota => "quota",
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Garbage => "garbage",
            Self::Timeout => "timeout",
        }
    }

    /// Whether another provider may be asked for the same thing.
    pub fn may_fall_back(self) -> bool {
        !matches!(self, Self::UserError | Self::Moderated)
    }

    fn advice(self) -> &'static str {
        match self {
            Self::UserError => "the provider cannot do what was asked for: check size, model and pictures",
            Self::Moderated => "the provider's rules do not allow this prompt or picture",
            Self::RateLimited => "the provider is asked too much at once: try again later",
            Self::Quota => "the provider's account is used up: its operator must see to it",
            Self::Transient => "the provider is out of order: try again later",
            Self::Permanent => "the provider does not accept this server's requests: its operator must see to it",
            Self::Garbage => "the provider's answer cannot be read",
            Self::Timeout => "the provider took too long",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether the provider took the work on, and will have it paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    /// Certainly not: it may be sent again.
    No,
    /// Nobody can tell: it must not be sent again, and counts as paid.
    Unknown,
    /// It did.
    Yes,
}

/// What went wrong with a provider. Fit for users and logs.
#[derive(Debug, Error, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[error("{}", class.advice())]
pub struct ProviderError {
    /// Whose failure it is.
    pub provider: ProviderId,
    /// What is to be done.
    pub class: FailureClass,
    /// Whether it may have been paid.
    pub accepted: Accepted,
    /// The answer's status.
    pub status: Option<u16>,
    /// The provider's own word for it, or ours, if there is one.
    pub code: Option<String>,
    /// Not before.
    pub retry_after: Option<Duration>,
    /// The provider's name for the request, to ask its support about.
    pub request_id: Option<String>,
}

impl ProviderError {
    /// Of this class; the rest is added.
    pub fn new(provider: &ProviderId, class: FailureClass, accepted: Accepted) -> Self {
        let provider = provider.clone();
        Self { provider, class, accepted, status: None, code: None, retry_after: None, request_id: None }
    }

    /// With a code, if it is a plain word.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.code = plain_word(code);
        self
    }

    /// The stable name clients see.
    pub fn client_code(&self) -> &'static str {
        match self.class {
            FailureClass::UserError => "provider_refused_request",
            FailureClass::Moderated => "content_policy",
            FailureClass::Timeout => "provider_timeout",
            _ => "provider_unavailable",
        }
    }

    /// Whether the account itself is the trouble, so that nothing but its operator helps.
    pub fn needs_operator(&self) -> bool {
        self.class == FailureClass::Quota || (self.class == FailureClass::Permanent && matches!(self.status, Some(401 | 403)))
    }

    /// What an HTTP failure means for a submission: where the request may have arrived, nobody can tell.
    pub(crate) fn outbound(provider: &ProviderId, error: &OutboundError) -> Self {
        let (class, accepted, code) = match error {
            OutboundError::NotAllowed(_) => (FailureClass::Garbage, Accepted::No, "address_not_allowed"),
            OutboundError::Unreachable => (FailureClass::Transient, Accepted::No, "unreachable"),
            OutboundError::Timeout => (FailureClass::Timeout, Accepted::Unknown, "timeout"),
            OutboundError::TooLarge { .. } => (FailureClass::Garbage, Accepted::Unknown, "too_large"),
            OutboundError::TooManyRedirects => (FailureClass::Garbage, Accepted::Unknown, "redirected"),
            OutboundError::Status(_) => (FailureClass::Transient, Accepted::Unknown, "picture_status"),
            OutboundError::NotAnImage => (FailureClass::Garbage, Accepted::Yes, "not_an_image"),
            OutboundError::Broken => (FailureClass::Transient, Accepted::Unknown, "broken"),
            OutboundError::Setup => (FailureClass::Permanent, Accepted::No, "no_certificates"),
        };
        let status = if let OutboundError::Status(status) = error { Some(*status) } else { None };
        Self { status, ..Self::new(provider, class, accepted).code(code) }
    }
}

/// Letters, digits and a few signs, not too many: a code or an id. Everything else is dropped.
pub(crate) fn plain_word(text: &str) -> Option<String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':');
    (!text.is_empty() && text.len() <= 80 && text.chars().all(plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_says_is_kept_only_as_a_plain_word() {
        assert_eq!(plain_word("content_policy_violation").as_deref(), Some("content_policy_violation"));
        for text in ["", "Incorrect API key provided: sk-1", "a\nb", &"x".repeat(81)] {
            assert_eq!(plain_word(text), None, "{text}");
        }
    }
}
