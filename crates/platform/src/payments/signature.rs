//! Whether a payment service says what is said in its name: HMAC-SHA256 over the time and the bytes as they came, at most five minutes old.
//!
//! Services of the operator's sign as Standard Webhooks has it (`id.timestamp.body`, base64), Stripe in its own way (`timestamp.body`, hexadecimal),
//! Creem the body alone (hexadecimal). Which part was wrong is not told.

use base64::{Engine, prelude::BASE64_STANDARD};
use easel_store::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::PlatformError;

/// How far a message's time may be from ours, either way.
const TOLERANCE_SECONDS: u64 = 300;
/// What secrets of Standard Webhooks begin with.
const PREFIX: &str = "whsec_";
/// Shorter ones can be tried out.
const KEY_MIN: usize = 24;

/// The headers that say who sent a message and when.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`.
    pub signature: Option<&'a str>,
    /// `stripe-signature`.
    pub stripe: Option<&'a str>,
    /// `creem-signature`.
    pub creem: Option<&'a str>,
}

/// The bytes of a secret `whsec_…`.
pub(super) fn key(secret: &str) -> Result<Zeroizing<Vec<u8>>, PlatformError> {
    let bad =
        || PlatformError::Settings("the secret of payment webhooks must be whsec_ and base64 of 24 bytes or more".to_owned());
    let encoded = secret.strip_prefix(PREFIX).ok_or_else(bad)?;
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(encoded).map_err(|_| bad())?);
    if bytes.len() < KEY_MIN { Err(bad()) } else { Ok(bytes) }
}

/// The base64 of the HMAC.
pub(super) fn sign(key: &[u8], text: &str) -> String {
    BASE64_STANDARD.encode(mac(key, &[text.as_bytes()]).finalize().into_bytes())
}

/// The id of a message that is signed as Standard Webhooks has it.
pub(super) fn standard<'a>(key: &[u8], signed: Signed<'a>, body: &[u8], now: Timestamp) -> Result<&'a str, PlatformError> {
    const BAD: PlatformError = PlatformError::PaymentSignature;
    let (id, time, signatures) = (signed.id.ok_or(BAD)?, signed.timestamp.ok_or(BAD)?, signed.signature.ok_or(BAD)?);
    if !is_recent(time, now) || id.is_empty() || id.len() > 200 || id.contains('.') {
        return Err(BAD);
    }
    let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
    let good = signatures.split(' ').filter_map(|one| BASE64_STANDARD.decode(one.strip_prefix("v1,")?).ok());
    if good.filter(|one| mac(key, &parts).verify_slice(one).is_ok()).count() > 0 { Ok(id) } else { Err(BAD) }
}

/// Whether a message is signed as Stripe does: `t=…,v1=…`, several signatures while its secret is exchanged.
pub(super) fn stripe(secret: &str, signed: Signed<'_>, body: &[u8], now: Timestamp) -> Result<(), PlatformError> {
    const BAD: PlatformError = PlatformError::PaymentSignature;
    let pairs: Vec<_> = signed.stripe.ok_or(BAD)?.split(',').filter_map(|pair| pair.trim().split_once('=')).collect();
    let times: Vec<_> = pairs.iter().filter(|(name, _)| *name == "t").map(|(_, time)| *time).collect();
    let [time] = times[..] else { return Err(BAD) };
    if !is_recent(time, now) {
        return Err(BAD);
    }
    let parts = [time.as_bytes(), b".", body];
    let signatures = pairs.iter().filter(|(name, _)| *name == "v1").filter_map(|(_, text)| bytes(text));
    if signatures.filter(|one| mac(secret.as_bytes(), &parts).verify_slice(one).is_ok()).count() > 0 { Ok(()) } else { Err(BAD) }
}

/// Whether a message is signed as Creem does (<https://docs.creem.io/code/webhooks>): there is no time in it, and the same is sent again an hour
/// later. What keeps an old one from counting twice is its event's name, and that nothing happens twice.
pub(super) fn creem(secret: &str, signed: Signed<'_>, body: &[u8]) -> Result<(), PlatformError> {
    const BAD: PlatformError = PlatformError::PaymentSignature;
    let given = signed.creem.and_then(bytes).ok_or(BAD)?;
    mac(secret.as_bytes(), &[body]).verify_slice(&given).map_err(|_| BAD)
}

fn is_recent(time: &str, now: Timestamp) -> bool {
    let now = now.0.div_euclid(1_000_000);
    time.parse::<i64>().is_ok_and(|time| time.abs_diff(now) <= TOLERANCE_SECONDS)
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes secrets of any length. This is a bug.");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_614_265_330_000_000);

    /// The example of the specification's reference libraries.
    #[test]
    fn a_message_of_standard_webhooks_is_known_by_its_signature() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = Signed {
            id: Some("msg_p5jXN8AQM9LWM0D4loKWxJek"),
            timestamp: Some("1614265330"),
            signature: Some("v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            ..Signed::default()
        };
        let body = b"{\"test\": 2432232314}";
        assert_eq!(standard(&key, signed, body, NOW).unwrap(), "msg_p5jXN8AQM9LWM0D4loKWxJek");
        let later = |seconds: i64| Timestamp(NOW.0 + seconds * 1_000_000);
        assert!(standard(&key, signed, body, later(300)).is_ok() && standard(&key, signed, body, later(-300)).is_ok());
        assert!(standard(&key, signed, body, later(301)).is_err() && standard(&key, signed, body, later(-301)).is_err());
        assert!(standard(&key, signed, b"{\"test\": 2432232315}", NOW).is_err());
        for other in [
            Signed { id: Some("msg_other"), ..signed },
            Signed { timestamp: Some("1614265331"), ..signed },
            Signed { signature: Some("v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="), ..signed },
            Signed { id: None, ..signed },
            Signed::default(),
        ] {
            assert!(standard(&key, other, body, NOW).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_message_of_stripes_is_known_by_its_signature() {
        let body = b"{\"id\": \"evt_1\"}";
        let made = mac(b"whsec_test", &[b"1614265330", b".", body]).finalize().into_bytes();
        let hex: String = made.iter().map(|byte| format!("{byte:02x}")).collect();
        let header = format!("t=1614265330,v1={},v1={hex},v0=00", "0".repeat(64));
        let of = |header: &str, body: &[u8], now| {
            stripe("whsec_test", Signed { stripe: Some(header), ..Signed::default() }, body, now)
        };
        assert!(of(&header, body, NOW).is_ok());
        assert!(of(&header, b"{}", NOW).is_err());
        assert!(of(&header, body, Timestamp(NOW.0 + 301_000_000)).is_err());
        assert!(of(&format!("t=1614265331,{header}"), body, NOW).is_err(), "one time");
        for bad in ["", "t=1614265330", "v1=", "t=x,v1=y", &header.replace("v1=", "v0=")] {
            assert!(of(bad, body, NOW).is_err(), "{bad}");
        }
        assert!(stripe("whsec_test", Signed::default(), body, NOW).is_err());
    }

    /// The second case of RFC 4231.
    #[test]
    fn a_message_of_creems_is_known_by_its_signature() {
        let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let of = |given: Option<&str>, body: &[u8]| creem("Jefe", Signed { creem: given, ..Signed::default() }, body);
        assert!(of(Some(hex), b"what do ya want for nothing?").is_ok());
        assert!(of(Some(hex), b"what do ya want for nothing!").is_err());
        for bad in [None, Some(""), Some("5b"), Some(&"0".repeat(64)[..]), Some(&hex.replace('5', "g")[..])] {
            assert!(of(bad, b"what do ya want for nothing?").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn secrets_that_can_be_guessed_are_refused() {
        for bad in ["", "whsec_", "whsec_AAAA", "whsec_***", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(matches!(key(bad), Err(PlatformError::Settings(_))), "{bad}");
        }
    }
}
