//! People's own accounts with image services. The key is sealed before it comes here, and nothing that is told has it.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// Somebody's own account.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct ApiConfig {
    /// Its name here.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// What its owner calls it.
    pub name: String,
    /// The service's protocol.
    pub provider: String,
    /// Where it is, for a server of their own.
    pub base_url: Option<String>,
    /// The key, sealed.
    #[serde(skip)]
    pub secret: String,
    /// The end of the key.
    pub key_hint: String,
    /// The model there.
    pub model: String,
    /// It is used.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something here last changed.
    pub updated_at: Timestamp,
}

const COLUMNS: &str =
    "SELECT id, user_id, name, provider, base_url, secret, key_hint, model, is_active, created_at, updated_at FROM api_configs ";

/// A new one.
pub async fn insert(tx: &mut Tx, config: &ApiConfig) -> Result<(), StoreError> {
    let text = "INSERT INTO api_configs (id, user_id, name, provider, base_url, secret, key_hint, model, is_active, created_at, updated_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    query(tx, text)
        .bind(&config.id)
        .bind(&config.user_id)
        .bind(&config.name)
        .bind(&config.provider)
        .bind(config.base_url.as_deref())
        .bind(&config.secret)
        .bind(&config.key_hint)
        .bind(&config.model)
        .bind(config.is_active)
        .bind(config.created_at)
        .bind(config.updated_at)
        .run()
        .await?;
    Ok(())
}

/// A user's, oldest first.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<ApiConfig>, StoreError> {
    query(db, COLUMNS).push("WHERE user_id = ").push_bind(user_id).push(" ORDER BY created_at, id").all().await
}

/// One of a user's.
pub async fn by_id(db: &Db, user_id: &str, id: &str) -> Result<Option<ApiConfig>, StoreError> {
    query(db, COLUMNS).push("WHERE user_id = ").push_bind(user_id).push(" AND id = ").push_bind(id).optional().await
}

/// How many a user has.
pub async fn count(tx: &mut Tx, user_id: &str) -> Result<i64, StoreError> {
    query(tx, "SELECT COUNT(*) FROM api_configs WHERE user_id = $1").bind(user_id).value().await
}

/// Other words of its owner, for all that can be changed. Whether there is one.
pub async fn change(tx: &mut Tx, to: &ApiConfig) -> Result<bool, StoreError> {
    let text = "UPDATE api_configs SET name = $3, provider = $4, base_url = $5, secret = $6, key_hint = $7, model = $8, is_active = $9, \
                updated_at = $10 WHERE id = $1 AND user_id = $2";
    query(tx, text)
        .bind(&to.id)
        .bind(&to.user_id)
        .bind(&to.name)
        .bind(&to.provider)
        .bind(to.base_url.as_deref())
        .bind(&to.secret)
        .bind(&to.key_hint)
        .bind(&to.model)
        .bind(to.is_active)
        .bind(to.updated_at)
        .changed()
        .await
}

/// Removes one of a user's. Whether there was one.
pub async fn delete(tx: &mut Tx, user_id: &str, id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM api_configs WHERE user_id = $1 AND id = $2").bind(user_id).bind(id).changed().await
}
