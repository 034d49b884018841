//! Webhooks, as their owner sees them.

use easel_platform::{
    records::{Delivery, Endpoint},
    webhooks::ShownEndpoint,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_time;

/// Somewhere to send events to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookView {
    /// Its id.
    id: String,
    /// Where events go.
    url: String,
    /// It is for the addresses that jobs name, and has none of its own.
    callbacks: bool,
    /// A note of its owner's.
    description: String,
    /// Which events; none is all of them.
    events: Vec<String>,
    /// Nothing is sent there while this is false.
    enabled: bool,
    /// Why not: `owner`, `failing`, `gone`.
    disabled_reason: Option<String>,
    /// Since when nothing has arrived, if nothing has.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    /// Until when events are signed with the old secret too, after it was changed.
    #[schema(format = DateTime)]
    old_secret_valid_until: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Endpoint> for WebhookView {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            enabled: endpoint.disabled_at.is_none(),
            events: endpoint.topics.split(' ').filter(|topic| !topic.is_empty()).map(str::to_owned).collect(),
            id: endpoint.id,
            url: endpoint.url,
            callbacks: endpoint.callbacks,
            description: endpoint.description,
            disabled_reason: endpoint.disabled_reason,
            failing_since: endpoint.failing_since.map(shown_time),
            old_secret_valid_until: endpoint.previous_valid_until.map(shown_time),
            created_at: shown_time(endpoint.created_at),
        }
    }
}

/// An endpoint and its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookSecretView {
    /// The endpoint.
    webhook: WebhookView,
    /// What its events are signed with, as Standard Webhooks has it. Keep it: it is not shown again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

impl From<ShownEndpoint> for WebhookSecretView {
    fn from(shown: ShownEndpoint) -> Self {
        Self { webhook: shown.endpoint.into(), secret: shown.secret }
    }
}

/// An event for an endpoint, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// Its id.
    id: String,
    /// What the receiver sees as `webhook-id`: the same for every attempt.
    event_id: String,
    /// `job.completed`, …
    event: String,
    /// `pending`, `delivered`, `dead`.
    state: &'static str,
    /// How often it was tried.
    attempts: i64,
    /// What the receiver answered last.
    last_status: Option<i64>,
    /// Why it did not arrive the last time.
    last_error: Option<String>,
    /// When it is tried next, if it is.
    #[schema(format = DateTime)]
    next_attempt_at: Option<String>,
    /// When it happened.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let state = match (delivery.delivered_at, delivery.dead_at) {
            (Some(_), _) => "delivered",
            (None, Some(_)) => "dead",
            (None, None) => "pending",
        };
        Self {
            id: delivery.id,
            event_id: delivery.event_id,
            event: delivery.topic,
            state,
            attempts: delivery.attempts,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            next_attempt_at: (state == "pending").then(|| shown_time(delivery.due_at)),
            created_at: shown_time(delivery.created_at),
        }
    }
}
