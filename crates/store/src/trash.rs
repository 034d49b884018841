//! The trash: pictures their owner threw away, which can be taken back until their time is up. Then the bytes go, and with them what the row
//! says of them; the row stays, because what was paid for it stays.

use crate::{
    Db, StoreError, Timestamp, Tx,
    images::{Image, select},
    query::{Query, query},
};

/// Throws one of a user's pictures away until `purge_at`. Nobody else sees it from then on. Whether there was one.
pub async fn throw_away(tx: &mut Tx, user_id: &str, id: &str, now: Timestamp, purge_at: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE images SET deleted_at = $3, purge_at = $4, is_public = FALSE, shows_prompt = FALSE \
                WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL";
    query(tx, text).bind(user_id).bind(id).bind(now).bind(purge_at).changed().await
}

/// Throws all of a user's pictures away, for good, those in the trash included.
pub async fn throw_away_all(tx: &mut Tx, user_id: &str, now: Timestamp) -> Result<u64, StoreError> {
    let text = "UPDATE images SET deleted_at = COALESCE(deleted_at, $2), purge_at = $2, is_public = FALSE, shows_prompt = FALSE WHERE user_id = $1 AND purged_at IS NULL";
    query(tx, text).bind(user_id).bind(now).run().await
}

/// Takes one of a user's pictures out of the trash again, as private as it went in. One that a moderator hid stays where it is.
pub async fn restore(tx: &mut Tx, user_id: &str, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE images SET deleted_at = NULL, purge_at = NULL WHERE user_id = $1 AND id = $2 AND deleted_at IS NOT NULL \
                AND purged_at IS NULL AND purge_at > $3 AND hidden_at IS NULL";
    query(tx, text).bind(user_id).bind(id).bind(now).changed().await
}

/// Removes what is in the trash now instead of later. Whether it was there.
pub async fn purge_now(tx: &mut Tx, user_id: &str, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE images SET purge_at = $3 WHERE user_id = $1 AND id = $2 AND deleted_at IS NOT NULL AND purged_at IS NULL \
                AND hidden_at IS NULL";
    query(tx, text).bind(user_id).bind(id).bind(now).changed().await
}

/// A user's trash, last thrown away first, before this one (time and name).
pub async fn list(db: &Db, user_id: &str, before: Option<(Timestamp, &str)>, limit: i64) -> Result<Vec<Image>, StoreError> {
    listing(db, user_id, before, limit).all().await
}

pub(crate) fn listing<'c>(db: &'c Db, user_id: &str, before: Option<(Timestamp, &str)>, limit: i64) -> Query<'c> {
    let mut listing =
        select(db).push("WHERE i.deleted_at IS NOT NULL AND i.purged_at IS NULL AND i.user_id = ").push_bind(user_id);
    if let Some((at, id)) = before {
        listing = listing.push(" AND (i.deleted_at, i.id) < (").push_bind(at).push(", ").push_bind(id).push(")");
    }
    listing.push(" ORDER BY i.deleted_at DESC, i.id DESC LIMIT ").push_bind(limit)
}

/// Pictures whose time in the trash was up by then and whose bytes are still there, of one user or of all.
pub async fn to_purge(db: &Db, user_id: Option<&str>, by: Timestamp, limit: i64) -> Result<Vec<Image>, StoreError> {
    due(db, user_id, by, limit).all().await
}

pub(crate) fn due<'c>(db: &'c Db, user_id: Option<&str>, by: Timestamp, limit: i64) -> Query<'c> {
    let mut finding = select(db).push("WHERE i.purged_at IS NULL AND i.purge_at IS NOT NULL AND i.purge_at <= ").push_bind(by);
    if let Some(user_id) = user_id {
        finding = finding.push(" AND i.deleted_at IS NOT NULL AND i.user_id = ").push_bind(user_id);
    }
    finding.push(" ORDER BY i.purge_at LIMIT ").push_bind(limit)
}

/// The bytes are gone, and with them what they showed and what others said of it.
pub async fn purged(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    for text in [
        "DELETE FROM image_tags WHERE image_id = $1",
        "DELETE FROM album_images WHERE image_id = $1",
        "UPDATE albums SET cover_image_id = NULL WHERE cover_image_id = $1",
        "DELETE FROM image_likes WHERE image_id = $1",
        "DELETE FROM image_comments WHERE image_id = $1",
        "DELETE FROM image_shares WHERE image_id = $1",
    ] {
        query(&mut *tx, text).bind(id).run().await?;
    }
    let text = "UPDATE images SET purged_at = $2, prompt = '', title = NULL, blurhash = NULL, parameters = '{}', sampler = NULL, mode = NULL, \
                hidden_reason = NULL, like_count = 0, comment_count = 0, view_count = 0, published_at = NULL, trend = NULL WHERE id = $1 AND deleted_at IS NOT NULL";
    query(tx, text).bind(id).bind(now).changed().await
}
