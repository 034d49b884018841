//! People as identity providers know them: by issuer and subject, never by address.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// Somebody at a provider.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Identity {
    /// Its name.
    pub id: String,
    /// Who it is here.
    pub user_id: String,
    /// The operator's name for the provider when it was linked.
    pub provider: String,
    /// The provider.
    pub issuer: String,
    /// Their name there.
    pub subject: String,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When somebody last logged in with it.
    pub last_used_at: Timestamp,
    /// Their address, as the provider last said.
    pub email: Option<String>,
    /// Their name among people, as the provider last said.
    pub name: Option<String>,
    /// Where the picture of them was that was taken over last.
    pub picture: Option<String>,
    /// The file that came of it.
    pub picture_key: Option<String>,
}

const COLUMNS: &str = "SELECT id, user_id, provider, issuer, subject, created_at, last_used_at, email, name, picture, picture_key \
                       FROM user_identities ";

/// Links one. It must not be linked ([`StoreError::Exists`]).
pub async fn insert(tx: &mut Tx, identity: &Identity) -> Result<(), StoreError> {
    let text = "INSERT INTO user_identities \
                (id, user_id, provider, issuer, subject, created_at, last_used_at, email, name, picture, picture_key) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    query(tx, text)
        .bind(&identity.id)
        .bind(&identity.user_id)
        .bind(&identity.provider)
        .bind(&identity.issuer)
        .bind(&identity.subject)
        .bind(identity.created_at)
        .bind(identity.last_used_at)
        .bind(identity.email.as_deref())
        .bind(identity.name.as_deref())
        .bind(identity.picture.as_deref())
        .bind(identity.picture_key.as_deref())
        .run()
        .await?;
    Ok(())
}

/// The one a provider names.
pub async fn find(tx: &mut Tx, issuer: &str, subject: &str) -> Result<Option<Identity>, StoreError> {
    query(tx, COLUMNS).push("WHERE issuer = ").push_bind(issuer).push(" AND subject = ").push_bind(subject).optional().await
}

/// A user's, oldest first.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<Identity>, StoreError> {
    query(db, COLUMNS).push("WHERE user_id = ").push_bind(user_id).push(" ORDER BY created_at, id").all().await
}

/// How many a user has.
pub async fn count(tx: &mut Tx, user_id: &str) -> Result<i64, StoreError> {
    query(tx, "SELECT COUNT(*) FROM user_identities WHERE user_id = $1").bind(user_id).value().await
}

/// Somebody logged in with it, and the provider said so much of them.
pub async fn used(tx: &mut Tx, id: &str, now: Timestamp, email: Option<&str>, name: Option<&str>) -> Result<(), StoreError> {
    let text = "UPDATE user_identities SET last_used_at = $2, email = $3, name = $4 WHERE id = $1";
    query(tx, text).bind(id).bind(now).bind(email).bind(name).run().await?;
    Ok(())
}

/// Their picture was taken over from there, and this file came of it.
pub async fn pictured(tx: &mut Tx, id: &str, picture: &str, key: &str) -> Result<(), StoreError> {
    let text = "UPDATE user_identities SET picture = $2, picture_key = $3 WHERE id = $1";
    query(tx, text).bind(id).bind(picture).bind(key).run().await?;
    Ok(())
}

/// Unlinks one of a user's. Whether there was one.
pub async fn delete(tx: &mut Tx, user_id: &str, id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM user_identities WHERE user_id = $1 AND id = $2").bind(user_id).bind(id).changed().await
}
