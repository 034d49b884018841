//! Black Forest Labs sign the body with a secret that goes along with each submission. There is no time in it, so a message can be repeated:
//! it costs a question.

use hmac::Mac;

use super::{Message, Wake, WebhookError, from_hex, header, hmac, task};
use crate::Secret;

pub(super) fn verify(secret: &Secret, message: &Message<'_>) -> Result<Wake, WebhookError> {
    let Message { headers, body, .. } = *message;
    let signature = header(headers, "x-bfl-signature")?;
    let given = from_hex(signature.strip_prefix("sha256=").unwrap_or(signature)).ok_or(WebhookError::Unsigned)?;
    if secret.is_empty() || hmac(secret.expose().as_bytes(), &[body]).verify_slice(&given).is_err() {
        return Err(WebhookError::Signature);
    }
    let task_id = task(body, "id").or_else(|_| task(body, "task_id"))?;
    Ok(Wake { event_id: task_id.clone(), task_id })
}
