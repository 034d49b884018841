//! Deliveries on their way: taken, sent, and what came of each noted.
//!
//! A program that is killed between sending and noting leaves a delivery that is sent again when its time as taken is over: at least once,
//! under the same id. Only a 2xx is an arrival. 410 disables the endpoint at once, days of failure in the end; its owner gets a mail.

use std::time::Duration;

use easel_outbound::{Limits, OutboundError, Request, Response, header};
use easel_store::{
    Timestamp, Tx, audit, mails, users,
    webhook_deliveries::{self, Delivery, Failed},
    webhooks::{self, Endpoint},
};
use futures_util::{StreamExt, stream};

use super::{Webhooks, endpoints::DISABLED, pause, signature};
use crate::{PlatformError, accounts::Actor, context::retry};

/// Added to the time a receiver may take: nobody else sends what was taken, for so long.
const TAKEN_BEYOND: Duration = Duration::from_secs(60);
/// What a receiver says is of no interest.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// What a turn of sending did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Arrived.
    pub delivered: u64,
    /// To be tried again.
    pub postponed: u64,
    /// Given up.
    pub dead: u64,
}

/// What came of an attempt.
struct Outcome {
    status: Option<i64>,
    error: Option<String>,
    /// The receiver wants to be left alone for so long.
    asked: Option<Duration>,
}

impl Webhooks {
    /// Sends what is due, as much as is sent at a time. Any number of nodes may do this at once.
    pub async fn send_due(&self) -> Result<Sent, PlatformError> {
        let now = self.context.now();
        let limit = i64::try_from(self.settings.at_once).unwrap_or(i64::MAX);
        let mut tx = self.context.db.begin().await?;
        let taken_until = now.after(self.settings.answer_max + TAKEN_BEYOND);
        let taken = webhook_deliveries::take(&mut tx, now, taken_until, limit).await?;
        tx.commit().await?;
        let done: Vec<_> = stream::iter(taken)
            .map(|delivery| async move { self.deliver(&delivery).await })
            .buffer_unordered(self.settings.at_once.max(1))
            .collect()
            .await;
        let mut sent = Sent::default();
        for result in done {
            let Sent { delivered, postponed, dead } = result?;
            sent.delivered += delivered;
            sent.postponed += postponed;
            sent.dead += dead;
        }
        Ok(sent)
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<Sent, PlatformError> {
        let endpoint = webhooks::by_id(&self.context.db, &delivery.endpoint_id).await?;
        // Taken away, or disabled, since it was taken.
        let Some(endpoint) = endpoint.filter(|endpoint| endpoint.disabled_at.is_none()) else { return Ok(Sent::default()) };
        let outcome = self.attempt(&endpoint, delivery).await?;
        retry!(self.note(&endpoint, delivery, &outcome))
    }

    async fn attempt(&self, endpoint: &Endpoint, delivery: &Delivery) -> Result<Outcome, PlatformError> {
        let now = self.context.now();
        let signature = match signature::header(&self.keyring, endpoint, now, &delivery.event_id, &delivery.body) {
            Err(PlatformError::Sealed) => {
                tracing::error!(endpoint = endpoint.id, "a webhook's secret cannot be read: is its key in the key ring?");
                return Ok(Outcome { status: None, error: Some("the server cannot sign it".to_owned()), asked: None });
            }
            signature => signature?,
        };
        let mut request = Request::post_json(delivery.url.as_deref().unwrap_or(&endpoint.url), delivery.body.clone().into());
        let timestamp = signature::seconds(now).to_string();
        for (name, value) in
            [("webhook-id", delivery.event_id.as_str()), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)]
        {
            let value = header::HeaderValue::from_str(value).map_err(|_| PlatformError::Sealed)?;
            request.headers.insert(header::HeaderName::from_static(name), value);
        }
        let longest = self.settings.answer_max;
        request.limits =
            Some(Limits { bytes_max: ANSWER_BYTES_MAX, first_byte: longest, total: longest, ..*self.client.limits() });
        Ok(judge(self.client.send(request).await))
    }

    async fn note(&self, endpoint: &Endpoint, delivery: &Delivery, outcome: &Outcome) -> Result<Sent, PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        let Some(error) = &outcome.error else {
            webhook_deliveries::delivered(&mut tx, &delivery.id, now, outcome.status.unwrap_or(0)).await?;
            webhooks::succeeded(&mut tx, &endpoint.id).await?;
            tx.commit().await?;
            return Ok(Sent { delivered: 1, ..Sent::default() });
        };
        tracing::info!(endpoint = endpoint.id, attempts = delivery.attempts, status = outcome.status, "a webhook did not arrive");
        let mut byte = [0];
        self.context.secrets.fill(&mut byte);
        // An address that a job named and that is gone is given up alone: the endpoint it was signed for is that of every other job.
        let (shared, gone) = (endpoint.callbacks, outcome.status == Some(410));
        let again_at = pause::next(now, delivery.attempts, byte[0], outcome.asked).filter(|_| !(shared && gone));
        let failed = Failed { again_at, status: outcome.status, error };
        let lives = webhook_deliveries::failed(&mut tx, &delivery.id, now, failed).await? && again_at.is_some();
        let since = if shared { None } else { webhooks::failed(&mut tx, &endpoint.id, now).await? };
        let disabled = if gone && !shared {
            self.disable(&mut tx, endpoint, "gone").await?
        } else if since.is_some_and(|since| since.after(self.settings.disable_after) <= now) {
            self.disable(&mut tx, endpoint, "failing").await?
        } else {
            false
        };
        tx.commit().await?;
        let dead = !lives || disabled;
        Ok(Sent { postponed: u64::from(!dead), dead: u64::from(dead), ..Sent::default() })
    }

    /// Gives an endpoint up and tells its owner. Whether it had not been.
    async fn disable(&self, tx: &mut Tx, endpoint: &Endpoint, reason: &str) -> Result<bool, PlatformError> {
        let moment = self.context.moment();
        if !webhooks::disable(tx, &endpoint.id, moment.now, reason).await? {
            return Ok(false);
        }
        webhook_deliveries::give_up(tx, &endpoint.id, moment.now, DISABLED).await?;
        if let Some(user) = users::lock(tx, &endpoint.user_id).await?.filter(|user| user.is_active) {
            let body = disabled_mail(&user.username, &endpoint.id, moment.now);
            mails::insert(tx, &moment, Some(&user.id), &user.email, "A webhook was disabled", &body).await?;
        }
        let detail = serde_json::json!({ "reason": reason }).to_string();
        let server = Actor::system();
        audit::append(tx, &moment, server.record("webhook.disable", Some(("webhook", &endpoint.id)), &detail)).await?;
        Ok(true)
    }
}

fn disabled_mail(name: &str, endpoint_id: &str, now: Timestamp) -> String {
    format!(
        "Hello {name},\n\nnothing has arrived at your webhook endpoint {endpoint_id} for days, or its server said that it is gone. It was \
         disabled at {}. When its server works again, enable it in your settings; what it missed is listed there and can be sent again.\n",
        crate::accounts::shown(now)
    )
}

fn judge(answer: Result<Response, OutboundError>) -> Outcome {
    let response = match answer {
        Ok(response) => response,
        // Whatever else it said, it is not what we wait for.
        Err(error) => return Outcome { status: None, error: Some(error.to_string()), asked: None },
    };
    let status = response.status;
    let error = (!status.is_success()).then(|| format!("the receiver answered with status {}", status.as_u16()));
    let asked = response.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Outcome { status: Some(status.as_u16().into()), error, asked: asked.map(Duration::from_secs) }
}
