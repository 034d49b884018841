//! Why a request was not made or came to nothing. Texts are for users and name no address, host or port.

use thiserror::Error;

/// What came of a request that gave no answer.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum OutboundError {
    /// Not made: the address is one of those this server does not go to.
    #[error("this address is not allowed: give a public https address without user name, password or port")]
    NotAllowed(Reason),
    /// Nobody answers there.
    #[error("the address cannot be reached: check it and try again")]
    Unreachable,
    /// The answer took too long.
    #[error("the other server took too long to answer: try again later")]
    Timeout,
    /// The answer is larger than what was asked for may be.
    #[error("the answer is larger than {max} bytes")]
    TooLarge {
        /// The limit.
        max: u64,
    },
    /// Sent on and on.
    #[error("the other server redirects too often")]
    TooManyRedirects,
    /// Not the answer that was hoped for.
    #[error("the other server answered with status {0}")]
    Status(u16),
    /// Something else than a picture.
    #[error("the address does not lead to a PNG, JPEG or WebP image")]
    NotAnImage,
    /// The connection broke off, or what came is no HTTP.
    #[error("the other server's answer cannot be read: try again later")]
    Broken,
    /// The client itself cannot be made: no certificates, most likely.
    #[error("no secure connections can be made: check the system's certificates")]
    Setup,
}

impl OutboundError {
    /// The stable name clients see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAllowed(_) => "url_not_allowed",
            Self::Unreachable => "url_unreachable",
            Self::Timeout => "url_timeout",
            Self::TooLarge { .. } => "url_too_large",
            Self::TooManyRedirects => "url_redirects",
            Self::Status(_) => "url_status",
            Self::NotAnImage => "url_not_an_image",
            Self::Broken => "url_broken",
            Self::Setup => "internal_error",
        }
    }
}

/// Why an address is not allowed; for logs and audit, not for users.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Not a URL, or one that different programs would read differently.
    #[error("malformed")]
    Malformed,
    /// Neither https nor, where allowed, http; or from https back to http.
    #[error("scheme")]
    Scheme,
    /// A port that is not for the web.
    #[error("port")]
    Port,
    /// A user name or a password in it.
    #[error("credentials")]
    Credentials,
    /// Not on the list of hosts, where there is one.
    #[error("host_not_listed")]
    HostNotListed,
    /// A name that only means something within a network.
    #[error("internal_name")]
    InternalName,
    /// An address that is not public, written or resolved.
    #[error("internal_address")]
    InternalAddress,
}

impl From<Reason> for OutboundError {
    fn from(reason: Reason) -> Self {
        Self::NotAllowed(reason)
    }
}
