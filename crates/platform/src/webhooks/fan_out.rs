//! An event becomes one delivery for each endpoint that wants it, in the transaction that takes it out of the outbox: a crash in between
//! leaves either both or neither.

use easel_store::{
    jobs,
    outbox::{self, Event},
    webhook_deliveries::{self, NewDelivery},
    webhooks,
};
use serde_json::{Value as Json, json};

use super::Webhooks;
use crate::{PlatformError, context::retry};

/// Events taken at a time.
const TURN: i64 = 100;

impl Webhooks {
    /// Takes the events that are due, at most a hundred. Returns how many. Any number of nodes may do this at once.
    pub async fn fan_out(&self) -> Result<usize, PlatformError> {
        let events = self.events.take(TURN).await?;
        for event in &events {
            retry!(self.fan_out_one(event))?;
        }
        Ok(events.len())
    }

    async fn fan_out_one(&self, event: &Event) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        if let Some(user_id) = &event.user_id {
            let body = body_of(event);
            for endpoint in webhooks::enabled_of_user(&mut tx, user_id).await? {
                if endpoint.wants(&event.topic) {
                    let callback = if endpoint.callbacks { jobs::callback_of(&mut tx, &event.subject_id).await? } else { None };
                    if endpoint.callbacks && callback.is_none() {
                        continue;
                    }
                    let url = callback.as_deref();
                    let new = NewDelivery { id: &moment.id(), endpoint_id: &endpoint.id, url, event, body: &body };
                    webhook_deliveries::insert(&mut tx, moment.now, new).await?;
                }
            }
        }
        outbox::delivered(&mut tx, &event.id, moment.now).await?;
        Ok(tx.commit().await?)
    }
}

/// The body as the specification proposes it. Made once, so that every attempt sends the same bytes.
pub(super) fn body_of(event: &Event) -> String {
    let happened = chrono::DateTime::from_timestamp_micros(event.created_at.0).unwrap_or_default();
    let data: Json = serde_json::from_str(&event.payload).unwrap_or(Json::Null);
    let timestamp = happened.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    json!({ "type": event.topic, "timestamp": timestamp, "data": data }).to_string()
}
