//! Every column that holds what the key ring sealed, so that all of them can be sealed anew under another key.
//!
//! To add one: a line in each `match`. What a sealed value is bound to are the names here, so they never change.

use crate::{Db, StoreError, Tx, query::query};

/// A column with sealed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// What webhooks are signed with.
    WebhookSecret,
    /// What they were signed with.
    WebhookPreviousSecret,
    /// Of providers.
    Secret,
    /// Keys of people's own accounts.
    ApiConfig,
    /// Nonce and verifier of a login under way.
    SignIn,
}

/// A sealed value and the row it is in.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Sealed {
    /// The row's key.
    pub row: String,
    /// The value.
    pub value: String,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::WebhookSecret, Self::WebhookPreviousSecret, Self::Secret, Self::ApiConfig, Self::SignIn];

    /// Table and column.
    pub fn name(self) -> (&'static str, &'static str) {
        match self {
            // A secret moves from the one column to the other and stays what it is.
            Self::WebhookSecret | Self::WebhookPreviousSecret => ("webhook_endpoints", "secret"),
            Self::Secret => ("secrets", "value"),
            Self::ApiConfig => ("api_configs", "secret"),
            Self::SignIn => ("sign_ins", "sealed"),
        }
    }
}

/// Values that do not begin with this, which is how those under the current key begin; at most so many.
pub async fn under_other_keys(db: &Db, column: Column, current: &str, limit: i64) -> Result<Vec<Sealed>, StoreError> {
    let text = match column {
        Column::WebhookSecret => {
            "SELECT id AS row, secret AS value FROM webhook_endpoints WHERE secret NOT LIKE $1 || '%' ORDER BY id LIMIT $2"
        }
        Column::WebhookPreviousSecret => {
            "SELECT id AS row, previous_secret AS value FROM webhook_endpoints WHERE previous_secret NOT LIKE $1 || '%' ORDER BY id LIMIT $2"
        }
        Column::Secret => "SELECT name AS row, value FROM secrets WHERE value NOT LIKE $1 || '%' ORDER BY name LIMIT $2",
        Column::ApiConfig => {
            "SELECT id AS row, secret AS value FROM api_configs WHERE secret NOT LIKE $1 || '%' ORDER BY id LIMIT $2"
        }
        Column::SignIn => {
            "SELECT state_hash AS row, sealed AS value FROM sign_ins WHERE sealed NOT LIKE $1 || '%' ORDER BY state_hash LIMIT $2"
        }
    };
    query(db, text).bind(current).bind(limit).all().await
}

/// Puts another value in the place of this one, if it is still this one.
pub async fn replace(tx: &mut Tx, column: Column, old: &Sealed, new: &str) -> Result<bool, StoreError> {
    let text = match column {
        Column::WebhookSecret => "UPDATE webhook_endpoints SET secret = $3 WHERE id = $1 AND secret = $2",
        Column::WebhookPreviousSecret => {
            "UPDATE webhook_endpoints SET previous_secret = $3 WHERE id = $1 AND previous_secret = $2"
        }
        Column::Secret => "UPDATE secrets SET value = $3 WHERE name = $1 AND value = $2",
        Column::ApiConfig => "UPDATE api_configs SET secret = $3 WHERE id = $1 AND secret = $2",
        Column::SignIn => "UPDATE sign_ins SET sealed = $3 WHERE state_hash = $1 AND sealed = $2",
    };
    query(tx, text).bind(&old.row).bind(&old.value).bind(new).changed().await
}

/// How many values begin with this.
pub async fn count(db: &Db, beginning: &str) -> Result<i64, StoreError> {
    let text = "SELECT (SELECT COUNT(*) FROM webhook_endpoints WHERE secret LIKE $1 || '%') \
                + (SELECT COUNT(*) FROM webhook_endpoints WHERE previous_secret LIKE $1 || '%') \
                + (SELECT COUNT(*) FROM secrets WHERE value LIKE $1 || '%') \
                + (SELECT COUNT(*) FROM api_configs WHERE secret LIKE $1 || '%') \
                + (SELECT COUNT(*) FROM sign_ins WHERE sealed LIKE $1 || '%')";
    query(db, text).bind(beginning).value().await
}
