//! What somebody shows of themselves: a view of a person's row without anything that is nobody else's business.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, organizations::Among, query::query};

/// Somebody, as others see them.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Profile {
    /// Their name here.
    pub id: String,
    /// What they are called.
    pub username: String,
    /// As they write it.
    pub full_name: Option<String>,
    /// Their picture.
    pub avatar_key: Option<String>,
    /// What they say of themselves.
    pub bio: Option<String>,
    /// How many follow them.
    pub follower_count: i64,
    /// How many they follow.
    pub following_count: i64,
    /// When they came.
    pub created_at: Timestamp,
}

const SELECT: &str = "SELECT id, username, full_name, avatar_key, bio, follower_count, following_count, created_at FROM users ";

/// Somebody by what they are called; not who may not log in or asked to be forgotten.
pub async fn by_username(db: &Db, username: &str, among: &Among) -> Result<Option<Profile>, StoreError> {
    let finding = query(db, SELECT).push("WHERE is_active AND deleted_at IS NULL AND username = ").push_bind(username);
    among.filter(finding, " AND organization_id").optional().await
}

/// Somebody by name here, whatever their state.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<Profile>, StoreError> {
    query(db, SELECT).push("WHERE id = ").push_bind(id).optional().await
}

/// What these people are called: name here and name shown.
pub async fn usernames(db: &Db, ids: &[&str]) -> Result<Vec<(String, String)>, StoreError> {
    query(db, "SELECT id, username FROM users WHERE id IN ").push_in(ids.iter().copied()).all().await
}

/// What they say of themselves, or nothing.
pub async fn set_bio(tx: &mut Tx, id: &str, now: Timestamp, bio: Option<&str>) -> Result<bool, StoreError> {
    let text = "UPDATE users SET updated_at = $2, bio = $3 WHERE id = $1 AND deleted_at IS NULL";
    query(tx, text).bind(id).bind(now).bind(bio).changed().await
}

/// Their picture, or none. The one before it, whose file is to be removed: `None` if there is no such person.
pub async fn set_avatar(tx: &mut Tx, id: &str, now: Timestamp, key: Option<&str>) -> Result<Option<Option<String>>, StoreError> {
    let text = "SELECT avatar_key FROM users WHERE id = $1 AND deleted_at IS NULL";
    let before: Option<(Option<String>,)> = query(&mut *tx, text).bind(id).optional().await?;
    let Some((before,)) = before else { return Ok(None) };
    query(tx, "UPDATE users SET updated_at = $2, avatar_key = $3 WHERE id = $1").bind(id).bind(now).bind(key).run().await?;
    Ok(Some(before))
}

/// Of these files, those that are somebody's picture.
pub async fn known_avatars(db: &Db, keys: &[String]) -> Result<Vec<String>, StoreError> {
    let finding = query(db, "SELECT avatar_key FROM users WHERE avatar_key IS NOT NULL AND avatar_key IN ").push_in(keys);
    let known: Vec<(String,)> = finding.all().await?;
    Ok(known.into_iter().map(|(key,)| key).collect())
}
