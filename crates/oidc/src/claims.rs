//! Whether a token is the provider's, for us, of now, and of this login (OpenID Connect Core 1.0, section 3.1.3.7).
//!
//! The checks are the `openidconnect` crate's; what is allowed is ours: signatures by public keys alone. `none`, and HMAC under anything,
//! are refused whatever a token says, as are keys that it brings along: keys come from the provider's document and from nowhere else.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use openidconnect::{
    AdditionalClaims, ClaimsVerificationError, ClientId, IdToken, IssuerUrl, Nonce, SignatureVerificationError,
    core::{CoreGenderClaim, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm},
};
use serde::{Deserialize, Serialize};

use crate::{Claims, OidcError, Settings};

/// What signatures may be by.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// Seconds that a provider's clock may be ahead of ours.
const AHEAD_MAX: i64 = 300;
/// Names are shorter.
const SUBJECT_MAX: usize = 255;

/// What Azure AD B2C has in the place of `email`.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Emails {
    emails: Option<Vec<String>>,
}

impl AdditionalClaims for Emails {}

type Token = IdToken<Emails, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No key of the provider's is its own.
    Key,
    /// Something else.
    For(&'static str),
}

impl From<Refused> for OidcError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Key => Self::Token("its signature is by no key of the provider"),
            Refused::For(what) => Self::Token(what),
        }
    }
}

/// Who the token is of, if it is to be believed. `now` is in seconds since 1970 UTC.
pub(crate) fn verified(
    settings: &Settings,
    token: &str,
    nonce: &str,
    keys: &CoreJsonWebKeySet,
    now: i64,
) -> Result<Claims, Refused> {
    let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|_| Refused::For("the issuer is no address"))?;
    let clock = DateTime::<Utc>::from_timestamp(now, 0).ok_or(Refused::For("the clock is wrong"))?;
    let token = Token::from_str(token).map_err(|_| Refused::For("it cannot be read"))?;
    // A verifier of public clients takes no signature by a shared secret, ours or any other.
    let verifier = CoreIdTokenVerifier::new_public_client(ClientId::new(settings.client_id.clone()), issuer, keys.clone())
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || clock)
        .set_issue_time_verifier_fn(move |issued| {
            if issued.timestamp() > now.saturating_add(AHEAD_MAX) { Err("it is of the future".to_owned()) } else { Ok(()) }
        });
    let claims = token.claims(&verifier, &Nonce::new(nonce.to_owned())).map_err(|error| refused(&error))?;
    let subject = claims.subject().as_str();
    if subject.is_empty() || subject.len() > SUBJECT_MAX || subject.contains('\0') {
        return Err(Refused::For("its subject is no name"));
    }
    let listed = claims.additional_claims().emails.as_ref().and_then(|emails| emails.first());
    let email = claims.email().map(|email| email.as_str()).or(listed.map(String::as_str));
    // Only of the address that is said to be: a list says nothing of its members.
    let email_verified = settings.email_trusted && claims.email().is_some() && claims.email_verified() == Some(true);
    Ok(Claims {
        issuer: settings.issuer.clone(),
        subject: subject.to_owned(),
        email: email.map(str::to_owned),
        email_verified,
        name: claims.name().and_then(|name| Some(name.get(None)?.as_str().to_owned())),
        picture: claims.picture().and_then(|picture| Some(picture.get(None)?.as_str().to_owned())),
        locale: claims.locale().map(|locale| locale.as_str().to_owned()),
    })
}

fn refused(error: &ClaimsVerificationError) -> Refused {
    use ClaimsVerificationError as Error;
    use SignatureVerificationError as Signature;
    match error {
        Error::SignatureVerification(
            Signature::NoMatchingKey | Signature::CryptoError(_) | Signature::AmbiguousKeyId(_) | Signature::InvalidKey(_),
        ) => Refused::Key,
        Error::SignatureVerification(Signature::NoSignature) => Refused::For("it is not signed"),
        Error::SignatureVerification(Signature::DisallowedAlg(_) | Signature::UnsupportedAlg(_)) => {
            Refused::For("it is signed by an algorithm that is not allowed")
        }
        Error::Expired(_) => Refused::For("it has expired"),
        Error::InvalidAudience(_) => Refused::For("it is for somebody else"),
        Error::InvalidIssuer(_) => Refused::For("it is of another issuer"),
        Error::InvalidNonce(_) => Refused::For("it is of another login"),
        _ => Refused::For("it is not valid"),
    }
}
