//! fal signs with keys that it publishes. <https://docs.fal.ai/model-apis/model-endpoints/webhooks>

use std::time::Duration;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use easel_outbound::{Client, Limits, OutboundError, Reach, Request};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Message, Wake, WebhookError, check_time, from_hex, header, task};
use crate::error::plain_word;

/// Where they are published.
const JWKS: &str = "https://rest.fal.ai/.well-known/jwks.json";
/// The bytes of an Ed25519 key.
const KEY_BYTES: usize = 32;
/// More keys than anybody needs.
const KEYS_MAX: usize = 16;

/// fal's published keys. They may be kept for a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FalKeys(Vec<[u8; KEY_BYTES]>);

impl FalKeys {
    /// How long they may be kept.
    pub const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

    /// Asks fal for them.
    pub async fn fetch(client: &Client) -> Result<Self, OutboundError> {
        let mut request = Request::get(JWKS);
        request.reach = Reach::Hosts(vec!["rest.fal.ai".parse()?]);
        request.limits = Some(Limits { bytes_max: 64 * 1024, redirects_max: 0, ..*client.limits() });
        let response = client.send(request).await?;
        if !response.status.is_success() {
            return Err(OutboundError::Status(response.status.as_u16()));
        }
        Self::parse(&response.body).ok_or(OutboundError::Broken)
    }

    /// From a set of keys (JWKS); those that are no Ed25519 keys are passed over. `None` if there are no others.
    pub fn parse(jwks: &[u8]) -> Option<Self> {
        let jwks: Value = serde_json::from_slice(jwks).ok()?;
        let key = |key: &Value| {
            let is_ed25519 = key.get("kty")?.as_str()? == "OKP" && key.get("crv").is_none_or(|curve| curve == "Ed25519");
            URL_SAFE_NO_PAD.decode(key.get("x")?.as_str()?).ok()?.try_into().ok().filter(|_| is_ed25519)
        };
        let keys: Vec<_> = jwks.get("keys")?.as_array()?.iter().filter_map(key).take(KEYS_MAX).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }
}

pub(super) fn verify(keys: &FalKeys, message: &Message<'_>) -> Result<Wake, WebhookError> {
    let Message { headers, body, now } = *message;
    let request_id = header(headers, "x-fal-webhook-request-id")?;
    let user_id = header(headers, "x-fal-webhook-user-id")?;
    let timestamp = header(headers, "x-fal-webhook-timestamp")?;
    let signature = from_hex(header(headers, "x-fal-webhook-signature")?).ok_or(WebhookError::Unsigned)?;
    let event_id = plain_word(request_id).ok_or(WebhookError::Unsigned)?;
    let digest: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    let signed = [request_id, user_id, timestamp, &digest].join("\n");
    let fits = |key: &[u8; KEY_BYTES]| UnparsedPublicKey::new(&ED25519, key).verify(signed.as_bytes(), &signature).is_ok();
    if !keys.0.iter().any(fits) {
        return Err(WebhookError::Signature);
    }
    check_time(timestamp, now)?;
    Ok(Wake { task_id: task(body, "request_id")?, event_id })
}
