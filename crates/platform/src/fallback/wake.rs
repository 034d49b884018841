//! What providers send when they are done. It says that it is time to ask, and nothing more: whoever waits for the task asks at once.

use std::{
    sync::Mutex,
    time::{Instant, SystemTime},
};

use easel_outbound::header::HeaderMap;
use easel_providers::{
    Kind, ProviderId,
    webhook::{FalKeys, Message, VerifyKey, WebhookError, verify},
};
use easel_store::provider_attempts;
use thiserror::Error;

use super::Fallback;
use crate::{PlatformError, bus::What};

/// How soon keys are asked for anew when one does not fit: whoever sends forged webhooks must not make us ask at will.
const ASK_AGAIN: std::time::Duration = std::time::Duration::from_secs(300);

/// Why a webhook is not taken. Its sender learns nothing more.
#[derive(Debug, Error)]
pub enum WakeError {
    /// There is no such account, or its service sends none.
    #[error("there is no such provider")]
    Unknown,
    /// It is not theirs.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// It cannot be checked now.
    #[error("the webhook cannot be checked now")]
    Keys,
    /// The database.
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

/// What webhooks are checked with that is not configured.
#[derive(Default)]
pub(super) struct Keys {
    fal: Mutex<Option<(Instant, FalKeys)>>,
}

impl Fallback {
    /// Takes a webhook of an account: checked, and passed on to whoever waits. One of a task that nobody waits for changes nothing.
    pub async fn wake(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), WakeError> {
        let id: ProviderId = provider.parse().map_err(|_| WakeError::Unknown)?;
        let serving = self.inner.serving.get(&id).ok_or(WakeError::Unknown)?;
        let message = Message { headers, body, now: SystemTime::now() };
        let wake = match (serving.kind, &serving.webhook_secret) {
            (Kind::Fal, _) => self.verify_fal(&message).await?,
            (kind @ (Kind::Replicate | Kind::Bfl), Some(secret)) => verify(kind, &VerifyKey::Shared(secret), &message)?,
            _ => return Err(WakeError::Unknown),
        };
        let found = provider_attempts::job_of_task(&self.context.db, id.as_str(), &wake.task_id).await;
        if let Some((job_id, user_id)) = found.map_err(PlatformError::from)? {
            self.bus.tell(&job_id, &user_id, What::ProviderAnswered);
        }
        Ok(())
    }

    /// By fal's published keys, which are kept for a day.
    async fn verify_fal(&self, message: &Message<'_>) -> Result<easel_providers::webhook::Wake, WakeError> {
        let known = self.fal_keys();
        if let Some((at, keys)) = &known {
            let checked = verify(Kind::Fal, &VerifyKey::Fal(keys), message);
            let fresh = at.elapsed() < ASK_AGAIN;
            if checked.is_ok() && at.elapsed() < FalKeys::MAX_AGE || fresh {
                return Ok(checked?);
            }
        }
        let keys = FalKeys::fetch(&self.client).await.map_err(|_| WakeError::Keys)?;
        let checked = verify(Kind::Fal, &VerifyKey::Fal(&keys), message);
        *self.inner.keys.fal.lock().expect("no thread panics while it holds this. This is a bug.") = Some((Instant::now(), keys));
        Ok(checked?)
    }

    fn fal_keys(&self) -> Option<(Instant, FalKeys)> {
        self.inner.keys.fal.lock().expect("no thread panics while it holds this. This is a bug.").clone()
    }
}
