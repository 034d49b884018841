//! Links by which somebody without an account sees one picture. Only the hash of a link's token is kept.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Share {
    /// Its name, which opens nothing.
    pub id: String,
    /// The picture it shows.
    pub image_id: String,
    /// Whose.
    pub user_id: String,
    /// With its prompt.
    pub shows_prompt: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good; `None` is until it is revoked.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// How often it was opened.
    pub view_count: i64,
}

const SELECT: &str =
    "SELECT id, image_id, user_id, shows_prompt, created_at, expires_at, revoked_at, view_count FROM image_shares ";

/// A new link, under the hash of its token.
pub async fn insert(tx: &mut Tx, share: &Share, hash: &str) -> Result<(), StoreError> {
    let text = "INSERT INTO image_shares (id, image_id, user_id, hash, shows_prompt, created_at, expires_at, view_count) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, 0)";
    query(tx, text)
        .bind(&share.id)
        .bind(&share.image_id)
        .bind(&share.user_id)
        .bind(hash)
        .bind(share.shows_prompt)
        .bind(share.created_at)
        .bind(share.expires_at)
        .run()
        .await?;
    Ok(())
}

/// The link of a token, if it is good.
pub async fn by_hash(db: &Db, hash: &str, now: Timestamp) -> Result<Option<Share>, StoreError> {
    let finding = query(db, SELECT).push("WHERE hash = ").push_bind(hash).push(" AND revoked_at IS NULL");
    finding.push(" AND (expires_at IS NULL OR expires_at > ").push_bind(now).push(")").optional().await
}

/// The links of a picture, or of all of a user's, newest first, those that are over included.
pub async fn of_user(db: &Db, user_id: &str, image_id: Option<&str>, limit: i64) -> Result<Vec<Share>, StoreError> {
    let mut listing = query(db, SELECT).push("WHERE user_id = ").push_bind(user_id);
    if let Some(image_id) = image_id {
        listing = listing.push(" AND image_id = ").push_bind(image_id);
    }
    listing.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(limit).all().await
}

/// How many of a picture's links are good.
pub async fn count(tx: &mut Tx, image_id: &str, now: Timestamp) -> Result<i64, StoreError> {
    let text = "SELECT COUNT(*) FROM image_shares WHERE image_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
    query(tx, text).bind(image_id).bind(now).value().await
}

/// Ends one of a user's links. Whether it was good until now.
pub async fn revoke(tx: &mut Tx, user_id: &str, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE image_shares SET revoked_at = $3 WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL";
    query(tx, text).bind(user_id).bind(id).bind(now).changed().await
}

/// Ends all links of a picture.
pub async fn revoke_all(tx: &mut Tx, image_id: &str, now: Timestamp) -> Result<u64, StoreError> {
    query(tx, "UPDATE image_shares SET revoked_at = $2 WHERE image_id = $1 AND revoked_at IS NULL")
        .bind(image_id)
        .bind(now)
        .run()
        .await
}

/// It was opened so many more times.
pub async fn add_views(tx: &mut Tx, id: &str, views: i64) -> Result<bool, StoreError> {
    query(tx, "UPDATE image_shares SET view_count = view_count + $2 WHERE id = $1").bind(id).bind(views).changed().await
}
