//! The services that are spoken to, and the operator's names for accounts with them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A service, by the protocol it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// OpenAI's Images API.
    Openai,
    /// Stability AI's Stable Image.
    Stability,
    /// Replicate's predictions.
    Replicate,
    /// fal's queue.
    Fal,
    /// Gemini's image models.
    Gemini,
    /// Google's Imagen.
    Imagen,
    /// Black Forest Labs' FLUX.
    Bfl,
    /// Together's images.
    Together,
    /// Any other server that speaks OpenAI's Images API: LocalAI, another Easel.
    OpenaiCompatible,
}

impl Kind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Openai,
        Self::Stability,
        Self::Replicate,
        Self::Fal,
        Self::Gemini,
        Self::Imagen,
        Self::Bfl,
        Self::Together,
        Self::OpenaiCompatible,
    ];

    /// The name in settings, prices and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Stability => "stability",
            Self::Replicate => "replicate",
            Self::Fal => "fal",
            Self::Gemini => "gemini",
            Self::Imagen => "imagen",
            Self::Bfl => "bfl",
            Self::Together => "together",
            Self::OpenaiCompatible => "openai_compatible",
        }
    }

    /// Where it is, unless the operator says otherwise. A server of one's own is wherever it is.
    pub fn base_url(self) -> Option<&'static str> {
        Some(match self {
            Self::Openai => "https://api.openai.com/v1",
            Self::Stability => "https://api.stability.ai",
            Self::Replicate => "https://api.replicate.com/v1",
            Self::Fal => "https://queue.fal.run",
            Self::Gemini | Self::Imagen => "https://generativelanguage.googleapis.com/v1beta",
            Self::Bfl => "https://api.bfl.ai/v1",
            Self::Together => "https://api.together.ai/v1",
            Self::OpenaiCompatible => return None,
        })
    }

    /// What is asked for to see whether a key is taken: it costs nothing, and need not exist.
    pub(crate) fn probe_path(self) -> &'static str {
        match self {
            Self::Openai | Self::Gemini | Self::Imagen | Self::Together | Self::OpenaiCompatible => "models",
            Self::Stability => "v1/user/balance",
            Self::Replicate => "account",
            Self::Fal => "fal-ai/flux/requests/00000000-0000-0000-0000-000000000000/status",
            Self::Bfl => "credits",
        }
    }

    /// The hosts its pictures lie on. Nothing else that an answer names is fetched; a server of one's own may name any public host.
    pub(crate) fn picture_hosts(self) -> &'static [&'static str] {
        match self {
            Self::Openai => &["openai.com", "oaiusercontent.com", "oaidalleapiprodscus.blob.core.windows.net"],
            Self::Replicate => &["replicate.delivery", "replicate.com"],
            Self::Fal => &["fal.media", "fal.run", "fal.ai"],
            Self::Bfl => &["bfl.ai", "bfldeliverysc.blob.core.windows.net"],
            Self::Together => &["together.ai", "together.xyz"],
            // Their pictures come within the answer.
            Self::Stability | Self::Gemini | Self::Imagen | Self::OpenaiCompatible => &[],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text).ok_or(UnknownKind)
    }
}

/// No such service.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("there is no such provider: take openai, stability, replicate, fal, gemini, imagen, bfl, together or openai_compatible")]
pub struct UnknownKind;

/// The operator's, or a user's, name for an account with a service; breakers, budgets and metrics are by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderId(String);

impl ProviderId {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Kind> for ProviderId {
    fn from(kind: Kind) -> Self {
        Self(kind.name().to_owned())
    }
}

impl From<ProviderId> for String {
    fn from(id: ProviderId) -> Self {
        id.0
    }
}

impl TryFrom<String> for ProviderId {
    type Error = BadName;

    /// Up to 64 letters, digits, `-` and `_`: it stands in labels and paths.
    fn try_from(text: String) -> Result<Self, BadName> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
            return Err(BadName);
        }
        Ok(Self(text))
    }
}

impl FromStr for ProviderId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        text.to_owned().try_into()
    }
}

/// Not a name an account can have.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("the provider's name must be 1 to 64 letters, digits, `-` or `_`")]
pub struct BadName;
