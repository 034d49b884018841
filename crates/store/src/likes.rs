//! Likes: one of each person for a picture. The picture keeps how many it has, in the same transaction.

use crate::{
    Db, StoreError, Timestamp, Tx,
    images::{COLUMNS, Image, PUBLIC},
    organizations::Among,
    public::IN_ORGANIZATION,
    query::{Query, query},
};

/// Somebody likes a picture. Whether they did not before.
pub async fn insert(tx: &mut Tx, image_id: &str, user_id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text =
        "INSERT INTO image_likes (image_id, user_id, created_at) VALUES ($1, $2, $3) ON CONFLICT (image_id, user_id) DO NOTHING";
    query(tx, text).bind(image_id).bind(user_id).bind(now).changed().await
}

/// Somebody likes it no longer. Whether they did.
pub async fn delete(tx: &mut Tx, image_id: &str, user_id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM image_likes WHERE image_id = $1 AND user_id = $2").bind(image_id).bind(user_id).changed().await
}

/// How many like a picture.
pub async fn count(tx: &mut Tx, image_id: &str) -> Result<i64, StoreError> {
    query(tx, "SELECT COUNT(*) FROM image_likes WHERE image_id = $1").bind(image_id).value().await
}

/// A picture that somebody likes, and since when.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Liked {
    /// Since when.
    pub liked_at: Timestamp,
    /// The picture.
    #[sqlx(flatten)]
    pub image: Image,
}

/// Pictures somebody likes and that everybody may see, last liked first, before this one (time and name).
pub async fn of_user(
    db: &Db,
    user_id: &str,
    among: &Among,
    before: Option<(Timestamp, &str)>,
    limit: i64,
) -> Result<Vec<Liked>, StoreError> {
    listing(db, user_id, among, before, limit).all().await
}

pub(crate) fn listing<'c>(db: &'c Db, user_id: &str, among: &Among, before: Option<(Timestamp, &str)>, limit: i64) -> Query<'c> {
    let listing =
        query(db, COLUMNS).push(", l.created_at AS liked_at FROM image_likes l CROSS JOIN images i WHERE i.id = l.image_id AND ");
    let listing = listing.push(PUBLIC).push(" AND l.user_id = ").push_bind(user_id);
    let mut listing = among.filter(listing, IN_ORGANIZATION);
    if let Some((at, id)) = before {
        listing = listing.push(" AND (l.created_at, l.image_id) < (").push_bind(at).push(", ").push_bind(id).push(")");
    }
    listing.push(" ORDER BY l.created_at DESC, l.image_id DESC LIMIT ").push_bind(limit)
}

/// The names of pictures somebody likes, whatever became of them, at most `limit`: for export and erasure.
pub async fn ids_of_user(db: &Db, user_id: &str, after: &str, limit: i64) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let text = "SELECT image_id, created_at FROM image_likes WHERE user_id = $1 AND image_id > $2 ORDER BY image_id LIMIT $3";
    query(db, text).bind(user_id).bind(after).bind(limit).all().await
}
