//! What providers send when work is done, and how it is known to be theirs.
//!
//! A webhook says that it is time to ask, and nothing more: pictures and states are taken from the provider's own answer, never from what was
//! sent here. So one that is forged, repeated or late costs a question at most. It is refused all the same unless it is signed.
//!
//! | service | signature | key |
//! |---|---|---|
//! | Replicate | Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, base64 | `whsec_…`, one for the account |
//! | fal | Ed25519 over `id\nuser\ntimestamp\nsha256(body)`, hex | fal's published keys (JWKS) |
//! | Black Forest Labs | HMAC-SHA256 over the body, hex, in `X-BFL-Signature` | given with each submission |
//!
//! The others have no webhooks for pictures. Times may differ by five minutes; event ids let whoever stores them drop repetitions.

mod bfl;
mod fal;
mod replicate;

use std::time::{Duration, SystemTime};

use easel_outbound::header::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use thiserror::Error;

use crate::{Kind, Secret, adapters::reading::is_id};

pub use fal::FalKeys;

/// How far a signature's time may be from ours.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// It is time to ask about a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    /// The provider's name for the task.
    pub task_id: String,
    /// The name of this message, the same when it is sent again.
    pub event_id: String,
}

/// Why a webhook is refused. Senders learn nothing more.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum WebhookError {
    /// This service has none.
    #[error("this provider sends no webhooks")]
    None,
    /// A header is missing or is none.
    #[error("the webhook is not signed")]
    Unsigned,
    /// Too old, or from the future.
    #[error("the webhook's time is off")]
    Stale,
    /// Not signed by who it says it is from.
    #[error("the webhook's signature is wrong")]
    Signature,
    /// Signed, and about nothing we could ask for.
    #[error("the webhook names no task")]
    Body,
}

/// What signatures are checked with.
pub enum VerifyKey<'a> {
    /// What was agreed on.
    Shared(&'a Secret),
    /// fal's published keys.
    Fal(&'a FalKeys),
}

/// A webhook as it was received.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, byte for byte.
    pub body: &'a [u8],
    /// When.
    pub now: SystemTime,
}

/// Checks a webhook.
pub fn verify(kind: Kind, key: &VerifyKey<'_>, message: &Message<'_>) -> Result<Wake, WebhookError> {
    match (kind, key) {
        (Kind::Replicate, VerifyKey::Shared(secret)) => replicate::verify(secret, message),
        (Kind::Fal, VerifyKey::Fal(keys)) => fal::verify(keys, message),
        (Kind::Bfl, VerifyKey::Shared(secret)) => bfl::verify(secret, message),
        _ => Err(WebhookError::None),
    }
}

/// A header that is there once.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, WebhookError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    value.filter(|_| values.next().is_none()).ok_or(WebhookError::Unsigned)
}

fn check_time(seconds: &str, now: SystemTime) -> Result<(), WebhookError> {
    let seconds: u64 = seconds.parse().map_err(|_| WebhookError::Unsigned)?;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| WebhookError::Stale)?.as_secs();
    if now.abs_diff(seconds) > TOLERANCE.as_secs() { Err(WebhookError::Stale) } else { Ok(()) }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length. This is a bug.");
    for part in parts {
        mac.update(part);
    }
    mac
}

/// The task that a body is about.
fn task(body: &[u8], field: &str) -> Result<String, WebhookError> {
    let body: Value = serde_json::from_slice(body).map_err(|_| WebhookError::Body)?;
    let id = body.get(field).and_then(Value::as_str).ok_or(WebhookError::Body)?;
    if is_id(id) { Ok(id.to_owned()) } else { Err(WebhookError::Body) }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(letter.to_digit(16)?).ok()).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
