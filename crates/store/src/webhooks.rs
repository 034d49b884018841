//! Where users want to be told of what happens. What is sent there is `webhook_deliveries.rs`.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query, sql::sql};

/// Somewhere to send events to.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Endpoint {
    /// Its name.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// Where.
    pub url: String,
    /// What its owner says of it.
    pub description: String,
    /// Space-separated; empty is all of them.
    pub topics: String,
    /// What events are signed with, sealed.
    #[serde(skip)]
    pub secret: String,
    /// What they are signed with too for a while, sealed.
    #[serde(skip)]
    pub previous_secret: Option<String>,
    /// For how long.
    pub previous_valid_until: Option<Timestamp>,
    /// Since when nothing has arrived.
    pub failing_since: Option<Timestamp>,
    /// Since when nothing is sent.
    pub disabled_at: Option<Timestamp>,
    /// `owner`, `failing`, `gone`.
    pub disabled_reason: Option<String>,
    /// Has no address: it is for those that jobs name.
    pub callbacks: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something here last changed.
    pub updated_at: Timestamp,
}

impl Endpoint {
    /// Whether events of this topic are to be sent there.
    pub fn wants(&self, topic: &str) -> bool {
        self.disabled_at.is_none() && (self.topics.is_empty() || self.topics.split(' ').any(|wanted| wanted == topic))
    }
}

/// What its owner can change.
#[derive(Debug, Clone, Copy)]
pub struct Changes<'a> {
    /// Where.
    pub url: &'a str,
    /// What its owner says of it.
    pub description: &'a str,
    /// Space-separated; empty is all of them.
    pub topics: &'a str,
}

const COLUMNS: &str = "SELECT id, user_id, url, description, topics, secret, previous_secret, previous_valid_until, failing_since, disabled_at, \
                       disabled_reason, callbacks, created_at, updated_at FROM webhook_endpoints ";

/// A new one.
pub async fn insert(tx: &mut Tx, endpoint: &Endpoint) -> Result<(), StoreError> {
    let text = "INSERT INTO webhook_endpoints (id, user_id, url, description, topics, secret, created_at, updated_at, callbacks) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    query(tx, text)
        .bind(&endpoint.id)
        .bind(&endpoint.user_id)
        .bind(&endpoint.url)
        .bind(&endpoint.description)
        .bind(&endpoint.topics)
        .bind(&endpoint.secret)
        .bind(endpoint.created_at)
        .bind(endpoint.updated_at)
        .bind(endpoint.callbacks)
        .run()
        .await?;
    Ok(())
}

/// One of them.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<Endpoint>, StoreError> {
    query(db, COLUMNS).push("WHERE id = ").push_bind(id).optional().await
}

/// One of a user's, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, user_id: &str, id: &str) -> Result<Option<Endpoint>, StoreError> {
    let locking = tx.engine() == crate::Engine::Postgres;
    query(tx, COLUMNS)
        .push("WHERE user_id = ")
        .push_bind(user_id)
        .push(" AND id = ")
        .push_bind(id)
        .push(if locking { " FOR UPDATE" } else { "" })
        .optional()
        .await
}

/// A user's, oldest first.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<Endpoint>, StoreError> {
    query(db, COLUMNS).push("WHERE user_id = ").push_bind(user_id).push(" ORDER BY created_at, id").all().await
}

/// A user's that are not disabled, in a transaction that will write what is to be sent there: none of them is removed meanwhile.
pub async fn enabled_of_user(tx: &mut Tx, user_id: &str) -> Result<Vec<Endpoint>, StoreError> {
    let locking = tx.engine() == crate::Engine::Postgres;
    query(tx, COLUMNS)
        .push("WHERE user_id = ")
        .push_bind(user_id)
        .push(" AND disabled_at IS NULL ORDER BY id")
        .push(if locking { " FOR SHARE" } else { "" })
        .all()
        .await
}

/// The one of a user's that is for addresses which jobs name.
pub async fn for_callbacks(tx: &mut Tx, user_id: &str) -> Result<Option<Endpoint>, StoreError> {
    query(tx, COLUMNS).push("WHERE user_id = ").push_bind(user_id).push(" AND callbacks").optional().await
}

/// How many a user has.
pub async fn count(tx: &mut Tx, user_id: &str) -> Result<i64, StoreError> {
    query(tx, "SELECT COUNT(*) FROM webhook_endpoints WHERE user_id = $1").bind(user_id).value().await
}

/// Other words of its owner.
pub async fn change(tx: &mut Tx, id: &str, now: Timestamp, to: Changes<'_>) -> Result<bool, StoreError> {
    let text = "UPDATE webhook_endpoints SET updated_at = $2, url = $3, description = $4, topics = $5 WHERE id = $1";
    query(tx, text).bind(id).bind(now).bind(to.url).bind(to.description).bind(to.topics).changed().await
}

/// A new secret; the one until now is good for a while longer.
pub async fn rotate(
    tx: &mut Tx,
    id: &str,
    now: Timestamp,
    secret: &str,
    previous_valid_until: Timestamp,
) -> Result<bool, StoreError> {
    let text = "UPDATE webhook_endpoints SET updated_at = $2, previous_secret = secret, previous_valid_until = $4, secret = $3 WHERE id = $1";
    query(tx, text).bind(id).bind(now).bind(secret).bind(previous_valid_until).changed().await
}

/// Sends nothing there any more, for this reason. Whether it was still enabled.
pub async fn disable(tx: &mut Tx, id: &str, now: Timestamp, reason: &str) -> Result<bool, StoreError> {
    let text = "UPDATE webhook_endpoints SET updated_at = $2, disabled_at = $2, disabled_reason = $3 WHERE id = $1 AND disabled_at IS NULL";
    query(tx, text).bind(id).bind(now).bind(reason).changed().await
}

/// Sends there again, as if nothing had failed.
pub async fn enable(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE webhook_endpoints SET updated_at = $2, disabled_at = NULL, disabled_reason = NULL, failing_since = NULL WHERE id = $1";
    query(tx, text).bind(id).bind(now).changed().await
}

/// Something arrived there.
pub async fn succeeded(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    query(tx, "UPDATE webhook_endpoints SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL")
        .bind(id)
        .run()
        .await?;
    Ok(())
}

/// Something did not arrive there. Since when nothing has.
pub async fn failed(tx: &mut Tx, id: &str, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let text =
        sql!["UPDATE webhook_endpoints SET failing_since = COALESCE(failing_since, $2) WHERE id = $1 RETURNING failing_since"];
    let since: Option<(Timestamp,)> = query(tx, text).bind(id).bind(now).optional().await?;
    Ok(since.map(|(since,)| since))
}

/// Removes one of a user's, with everything that was to be sent there.
pub async fn delete(tx: &mut Tx, user_id: &str, id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM webhook_endpoints WHERE user_id = $1 AND id = $2").bind(user_id).bind(id).changed().await
}

/// Forgets secrets whose time is up.
pub async fn sweep_secrets(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    let text =
        "UPDATE webhook_endpoints SET previous_secret = NULL, previous_valid_until = NULL WHERE previous_valid_until <= $1";
    query(tx, text).bind(now).run().await
}
