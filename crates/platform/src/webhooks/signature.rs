//! How a body is signed, by Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, one signature for each secret that is good.

use base64::{Engine, prelude::BASE64_STANDARD};
use easel_store::{Timestamp, webhooks::Endpoint};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::endpoints::place;
use crate::{PlatformError, Secrets, keyring::Keyring};

/// What a secret begins with, so that scanners of leaked secrets know it.
const PREFIX: &str = "whsec_";
/// The specification wants 24 to 64.
const SECRET_BYTES: usize = 32;

/// A secret as its owner sees it.
pub(super) fn new_secret(secrets: &dyn Secrets) -> String {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    secrets.fill(&mut *bytes);
    format!("{PREFIX}{}", BASE64_STANDARD.encode(*bytes))
}

/// The header `webhook-signature`.
pub(super) fn header(
    keyring: &Keyring,
    endpoint: &Endpoint,
    now: Timestamp,
    id: &str,
    body: &str,
) -> Result<String, PlatformError> {
    let previous = endpoint.previous_secret.as_deref().filter(|_| endpoint.previous_valid_until.is_some_and(|until| now < until));
    let mut signatures = Vec::new();
    for sealed in [Some(endpoint.secret.as_str()), previous].into_iter().flatten() {
        let text = keyring.open(place(&endpoint.id), sealed)?;
        let encoded = text.strip_prefix(PREFIX.as_bytes()).ok_or(PlatformError::Sealed)?;
        let secret = Zeroizing::new(BASE64_STANDARD.decode(encoded).map_err(|_| PlatformError::Sealed)?);
        signatures.push(sign(&secret, id, seconds(now), body));
    }
    Ok(signatures.join(" "))
}

/// Seconds since 1970 UTC, the header `webhook-timestamp`.
pub(super) fn seconds(now: Timestamp) -> i64 {
    now.0.div_euclid(1_000_000)
}

/// `v1,` and the base64 of the HMAC.
fn sign(secret: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes secrets of any length. This is a bug.");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
