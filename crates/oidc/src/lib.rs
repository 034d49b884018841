//! Logging in at somebody else's: OpenID Connect Core 1.0 by the authorization code flow with PKCE, and nothing else of it.
//!
//! This crate knows one provider's side: where to send a browser ([`Provider::authorization_url`]) and who came back
//! ([`Provider::redeem`]). What state, nonce and verifier are, that they belong to one browser and are good once, and whose account it is, is
//! for `easel-platform`. Requests go through `easel-outbound`, so a provider's documents cannot lead us inside.
//!
//! | rule | file |
//! |---|---|
//! | the documents of a provider, kept for a while | `documents.rs` |
//! | the code is exchanged by us, with the verifier | `token.rs` |
//! | the signature is by a key of the provider's and by an algorithm of ours; issuer, audience, time and nonce are right | `claims.rs` |
//! | what Google, Microsoft, Azure AD B2C and Facebook need | `preset.rs` |

mod claims;
mod documents;
mod preset;
mod provider;
mod token;

use easel_outbound::OutboundError;
use thiserror::Error;

pub use preset::Preset;
pub use provider::{Ask, Claims, ClientSecret, Provider, Returned, Settings};

/// Why nobody came back.
#[derive(Debug, Error)]
pub enum OidcError {
    /// It cannot be asked.
    #[error("the identity provider cannot be reached")]
    Unreachable(#[source] OutboundError),
    /// It does not say what it has to, or we were told wrong things of it.
    #[error("the identity provider is not set up correctly: {0}")]
    Provider(&'static str),
    /// It does not take the code.
    #[error("the identity provider refuses the code")]
    Code,
    /// What it says cannot be trusted.
    #[error("the identity provider's answer cannot be trusted: {0}")]
    Token(&'static str),
}

impl From<OutboundError> for OidcError {
    fn from(error: OutboundError) -> Self {
        Self::Unreachable(error)
    }
}
