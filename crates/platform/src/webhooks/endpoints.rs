//! What an owner can do with an endpoint: name it, change it, look at what was sent, send it again, and take it away.

use easel_store::{
    Timestamp, audit,
    outbox::Event,
    sealed::Column,
    users,
    webhook_deliveries::{self, Delivery, NewDelivery, Which},
    webhooks::{self, Changes, Endpoint},
};
use serde::Serialize;

use super::{TEST_TOPIC, TOPICS, Webhooks, fan_out::body_of, signature};
use crate::{PlatformError, accounts::Actor, keyring::Place};

/// What an owner says of an endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub struct EndpointWords<'a> {
    /// Where events go.
    pub url: &'a str,
    /// A note of theirs.
    pub description: &'a str,
    /// Which of [`TOPICS`]; none is all of them.
    pub topics: &'a [&'a str],
    /// For the addresses that jobs name: it has none of its own, and each user has one at most. Cannot be changed later.
    pub callbacks: bool,
}

/// An endpoint whose secret is shown, this once.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ShownEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What its events are signed with: `whsec_` and base64.
    pub secret: String,
}

impl std::fmt::Debug for ShownEndpoint {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShownEndpoint").field("endpoint", &self.endpoint.id).finish_non_exhaustive()
    }
}

impl Webhooks {
    /// A new endpoint, with a secret that is shown this once.
    ///
    /// # Errors
    /// [`PlatformError::Outbound`] for an address that is not allowed or leads nowhere, [`PlatformError::Limit`] for one too many.
    pub async fn create(&self, actor: &Actor, words: EndpointWords<'_>) -> Result<ShownEndpoint, PlatformError> {
        let topics = checked(words)?;
        if !words.callbacks {
            self.client.check_resolved(words.url).await?;
        }
        let moment = self.context.moment();
        let (id, secret) = (moment.id(), signature::new_secret(&*self.context.secrets));
        let endpoint = Endpoint {
            secret: self.keyring.seal(&*self.context.secrets, place(&id), secret.as_bytes())?,
            id,
            user_id: actor.id().to_owned(),
            url: words.url.to_owned(),
            description: words.description.to_owned(),
            topics,
            previous_secret: None,
            previous_valid_until: None,
            failing_since: None,
            disabled_at: None,
            disabled_reason: None,
            callbacks: words.callbacks,
            created_at: moment.now,
            updated_at: moment.now,
        };
        let mut tx = self.context.db.begin().await?;
        // The user's row makes their requests take turns, so that no two of them count the same limit.
        users::lock(&mut tx, actor.id()).await?.ok_or(PlatformError::NotFound("user"))?;
        let max = self.settings.endpoints_max;
        if webhooks::count(&mut tx, actor.id()).await? >= max {
            return Err(PlatformError::Limit { code: "too_many_webhooks", what: "webhook endpoints", max });
        }
        if words.callbacks && webhooks::for_callbacks(&mut tx, actor.id()).await?.is_some() {
            return Err(PlatformError::Taken("endpoint for callbacks"));
        }
        webhooks::insert(&mut tx, &endpoint).await?;
        audit::append(&mut tx, &moment, actor.record("webhook.create", Some(("webhook", &endpoint.id)), "{}")).await?;
        tx.commit().await?;
        Ok(ShownEndpoint { endpoint, secret })
    }

    /// Whether a job may name this address to be told at.
    ///
    /// # Errors
    /// [`PlatformError::Outbound`] for one that is not allowed or leads nowhere.
    pub async fn check_address(&self, url: &str) -> Result<(), PlatformError> {
        self.client.check_resolved(url).await?;
        Ok(())
    }

    /// A user's endpoints.
    pub async fn list(&self, user_id: &str) -> Result<Vec<Endpoint>, PlatformError> {
        Ok(webhooks::of_user(&self.context.db, user_id).await?)
    }

    /// One of a user's. Others' are not found.
    pub async fn get(&self, user_id: &str, id: &str) -> Result<Endpoint, PlatformError> {
        let found = webhooks::by_id(&self.context.db, id).await?;
        found.filter(|endpoint| endpoint.user_id == user_id).ok_or(NO_ENDPOINT)
    }

    /// Other words. The new address is judged like the first.
    pub async fn change(&self, actor: &Actor, id: &str, words: EndpointWords<'_>) -> Result<Endpoint, PlatformError> {
        let topics = checked(words)?;
        if self.get(actor.id(), id).await?.callbacks != words.callbacks {
            return Err(PlatformError::Invalid { field: "callbacks", problem: "cannot be changed: make another endpoint" });
        }
        if !words.callbacks {
            self.client.check_resolved(words.url).await?;
        }
        let changes = Changes { url: words.url, description: words.description, topics: &topics };
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        webhooks::lock(&mut tx, actor.id(), id).await?.ok_or(NO_ENDPOINT)?;
        webhooks::change(&mut tx, id, moment.now, changes).await?;
        audit::append(&mut tx, &moment, actor.record("webhook.change", Some(("webhook", id)), "{}")).await?;
        tx.commit().await?;
        self.get(actor.id(), id).await
    }

    /// A new secret, shown this once. Events are signed with both for a while, so that no receiver misses one.
    pub async fn rotate_secret(&self, actor: &Actor, id: &str) -> Result<ShownEndpoint, PlatformError> {
        let moment = self.context.moment();
        let secret = signature::new_secret(&*self.context.secrets);
        let sealed = self.keyring.seal(&*self.context.secrets, place(id), secret.as_bytes())?;
        let mut tx = self.context.db.begin().await?;
        webhooks::lock(&mut tx, actor.id(), id).await?.ok_or(NO_ENDPOINT)?;
        webhooks::rotate(&mut tx, id, moment.now, &sealed, moment.now.after(self.settings.secret_overlap)).await?;
        audit::append(&mut tx, &moment, actor.record("webhook.rotate", Some(("webhook", id)), "{}")).await?;
        tx.commit().await?;
        Ok(ShownEndpoint { endpoint: self.get(actor.id(), id).await?, secret })
    }

    /// Sends nothing there any more, or again. What waits for an endpoint that is disabled is given up, and can be sent again.
    pub async fn set_enabled(&self, actor: &Actor, id: &str, enabled: bool) -> Result<Endpoint, PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        webhooks::lock(&mut tx, actor.id(), id).await?.ok_or(NO_ENDPOINT)?;
        let action = if enabled {
            webhooks::enable(&mut tx, id, moment.now).await?;
            "webhook.enable"
        } else {
            webhooks::disable(&mut tx, id, moment.now, "owner").await?;
            webhook_deliveries::give_up(&mut tx, id, moment.now, DISABLED).await?;
            "webhook.disable"
        };
        audit::append(&mut tx, &moment, actor.record(action, Some(("webhook", id)), "{}")).await?;
        tx.commit().await?;
        self.get(actor.id(), id).await
    }

    /// Takes an endpoint away, with everything that was sent there.
    pub async fn delete(&self, actor: &Actor, id: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        if !webhooks::delete(&mut tx, actor.id(), id).await? {
            return Err(NO_ENDPOINT);
        }
        audit::append(&mut tx, &moment, actor.record("webhook.delete", Some(("webhook", id)), "{}")).await?;
        Ok(tx.commit().await?)
    }

    /// Writes an event that means nothing, to be sent there like any other. Its delivery tells what came of it.
    pub async fn test(&self, user_id: &str, id: &str) -> Result<Delivery, PlatformError> {
        let moment = self.context.moment();
        let event = Event {
            id: moment.id(),
            topic: TEST_TOPIC.to_owned(),
            subject_id: moment.id(),
            seq: 0,
            user_id: Some(user_id.to_owned()),
            payload: "{}".to_owned(),
            created_at: moment.now,
            attempts: 0,
        };
        let (delivery_id, body) = (moment.id(), body_of(&event));
        let mut tx = self.context.db.begin().await?;
        let endpoint = webhooks::lock(&mut tx, user_id, id).await?.ok_or(NO_ENDPOINT)?;
        if endpoint.disabled_at.is_some() {
            return Err(PlatformError::Forbidden("the endpoint is disabled"));
        }
        if endpoint.callbacks {
            return Err(PlatformError::Forbidden("an endpoint for callbacks has no address to try"));
        }
        let new = NewDelivery { id: &delivery_id, endpoint_id: id, url: None, event: &event, body: &body };
        webhook_deliveries::insert(&mut tx, moment.now, new).await?;
        tx.commit().await?;
        self.delivery(user_id, id, &delivery_id).await
    }

    /// What was sent to one of a user's endpoints, newest first, at most a hundred, those before `before` of the list.
    pub async fn deliveries(
        &self,
        user_id: &str,
        id: &str,
        which: Which,
        before: Option<(Timestamp, &str)>,
        limit: i64,
    ) -> Result<Vec<Delivery>, PlatformError> {
        self.get(user_id, id).await?;
        Ok(webhook_deliveries::of_endpoint(&self.context.db, id, which, before, limit.clamp(1, 100)).await?)
    }

    /// One of them.
    pub async fn delivery(&self, user_id: &str, id: &str, delivery_id: &str) -> Result<Delivery, PlatformError> {
        self.get(user_id, id).await?;
        webhook_deliveries::by_id(&self.context.db, id, delivery_id).await?.ok_or(NO_DELIVERY)
    }

    /// Sends one again that arrived or was given up, under the id it had.
    pub async fn resend(&self, user_id: &str, id: &str, delivery_id: &str) -> Result<Delivery, PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        let endpoint = webhooks::lock(&mut tx, user_id, id).await?.ok_or(NO_ENDPOINT)?;
        if endpoint.disabled_at.is_some() {
            return Err(PlatformError::Forbidden("the endpoint is disabled"));
        }
        let revived = webhook_deliveries::revive(&mut tx, id, delivery_id, now).await?;
        tx.commit().await?;
        let delivery = self.delivery(user_id, id, delivery_id).await?;
        // One that is being tried already is on its way.
        let on_its_way = delivery.delivered_at.is_none() && delivery.dead_at.is_none();
        if revived || on_its_way { Ok(delivery) } else { Err(NO_DELIVERY) }
    }
}

/// Why what waits for a disabled endpoint is given up.
pub(super) const DISABLED: &str = "the endpoint was disabled";
const NO_ENDPOINT: PlatformError = PlatformError::NotFound("webhook endpoint");
const NO_DELIVERY: PlatformError = PlatformError::NotFound("delivery");

/// Where an endpoint's secrets are sealed for.
pub(super) fn place(id: &str) -> Place<'_> {
    Place { column: Column::WebhookSecret, row: id }
}

/// Topics as they are stored; the address is for the client to judge.
fn checked(words: EndpointWords<'_>) -> Result<String, PlatformError> {
    let invalid = |field, problem| Err(PlatformError::Invalid { field, problem });
    if words.description.chars().count() > 200 || words.description.chars().any(char::is_control) {
        return invalid("description", "is too long or has control characters");
    }
    if words.callbacks && !words.url.is_empty() {
        return invalid("url", "is not for callbacks: each job names its own");
    }
    if words.topics.iter().any(|topic| !TOPICS.contains(topic)) {
        return invalid("list of events", "has one that there is not");
    }
    let mut topics = words.topics.to_vec();
    topics.sort_unstable();
    topics.dedup();
    Ok(topics.join(" "))
}
