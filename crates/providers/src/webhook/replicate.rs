//! Replicate signs as Standard Webhooks say. <https://replicate.com/docs/topics/webhooks/verify-webhook>

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::Mac;

use super::{Message, Wake, WebhookError, check_time, header, hmac, task};
use crate::{Secret, error::plain_word};

/// More signatures than a change of keys needs.
const SIGNATURES_MAX: usize = 8;

pub(super) fn verify(secret: &Secret, message: &Message<'_>) -> Result<Wake, WebhookError> {
    let Message { headers, body, now } = *message;
    let id = header(headers, "webhook-id")?;
    let timestamp = header(headers, "webhook-timestamp")?;
    let signatures = header(headers, "webhook-signature")?;
    let event_id = plain_word(id).ok_or(WebhookError::Unsigned)?;
    let key = secret.expose().strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok());
    let key = key.filter(|key| !key.is_empty()).ok_or(WebhookError::Signature)?;
    // While keys change there are several; one that fits is enough.
    let fits = |signature: &str| {
        let given = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        given.is_some_and(|given| {
            let mac = hmac(&key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
            mac.verify_slice(&given).is_ok()
        })
    };
    if !signatures.split(' ').take(SIGNATURES_MAX).any(fits) {
        return Err(WebhookError::Signature);
    }
    check_time(timestamp, now)?;
    Ok(Wake { task_id: task(body, "id")?, event_id })
}
