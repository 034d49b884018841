//! What people say under pictures. The picture keeps how many there are that are not hidden, in the same transaction.

use serde::Serialize;

use crate::{
    Db, Moment, StoreError, Timestamp, Tx,
    organizations::Among,
    query::{Query, query},
};

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Comment {
    /// Its name.
    pub id: String,
    /// What it is about.
    pub image_id: String,
    /// Who said it.
    pub user_id: String,
    /// What they are called.
    pub username: String,
    /// What they said.
    pub body: String,
    /// When.
    pub created_at: Timestamp,
    /// When a moderator hid it.
    pub hidden_at: Option<Timestamp>,
    /// Why, for who said it.
    pub hidden_reason: Option<String>,
}

const SELECT: &str = "SELECT c.id, c.image_id, c.user_id, u.username, c.body, c.created_at, c.hidden_at, c.hidden_reason \
                      FROM image_comments c CROSS JOIN users u WHERE u.id = c.user_id ";

/// A new comment. Its name.
pub async fn insert(tx: &mut Tx, at: &Moment<'_>, image_id: &str, user_id: &str, body: &str) -> Result<String, StoreError> {
    let id = at.id();
    let text = "INSERT INTO image_comments (id, image_id, user_id, body, created_at) VALUES ($1, $2, $3, $4, $5)";
    query(tx, text).bind(&id).bind(image_id).bind(user_id).bind(body).bind(at.now).run().await?;
    Ok(id)
}

/// A comment by name, hidden or not.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<Comment>, StoreError> {
    query(db, SELECT).push("AND c.id = ").push_bind(id).optional().await
}

/// The picture a comment is about.
pub async fn image_of(tx: &mut Tx, id: &str) -> Result<Option<String>, StoreError> {
    let found: Option<(String,)> = query(tx, "SELECT image_id FROM image_comments WHERE id = $1").bind(id).optional().await?;
    Ok(found.map(|(image_id,)| image_id))
}

/// A picture's comments that are not hidden, by people who did not ask to be forgotten, newest first, before this one (time and name).
pub async fn of_image(
    db: &Db,
    image_id: &str,
    among: &Among,
    before: Option<(Timestamp, &str)>,
    limit: i64,
) -> Result<Vec<Comment>, StoreError> {
    listing(db, image_id, among, before, limit).all().await
}

pub(crate) fn listing<'c>(db: &'c Db, image_id: &str, among: &Among, before: Option<(Timestamp, &str)>, limit: i64) -> Query<'c> {
    let listing =
        query(db, SELECT).push("AND c.hidden_at IS NULL AND u.deleted_at IS NULL AND c.image_id = ").push_bind(image_id);
    let mut listing = among.filter(listing, " AND u.organization_id");
    if let Some((at, id)) = before {
        listing = listing.push(" AND (c.created_at, c.id) < (").push_bind(at).push(", ").push_bind(id).push(")");
    }
    listing.push(" ORDER BY c.created_at DESC, c.id DESC LIMIT ").push_bind(limit)
}

/// What somebody said, hidden or not, oldest first, after this one (time and name): for export and erasure.
pub async fn of_user(db: &Db, user_id: &str, after: Option<(Timestamp, &str)>, limit: i64) -> Result<Vec<Comment>, StoreError> {
    let (at, id) = after.unwrap_or((Timestamp(i64::MIN), ""));
    let listing = query(db, SELECT).push("AND c.user_id = ").push_bind(user_id).push(" AND (c.created_at, c.id) > (");
    listing.push_bind(at).push(", ").push_bind(id).push(") ORDER BY c.created_at, c.id LIMIT ").push_bind(limit).all().await
}

/// How many comments somebody wrote since then.
pub async fn count_since(tx: &mut Tx, user_id: &str, since: Timestamp) -> Result<i64, StoreError> {
    let text = "SELECT COUNT(*) FROM image_comments WHERE user_id = $1 AND created_at > $2";
    query(tx, text).bind(user_id).bind(since).value().await
}

/// How many of a picture's comments are not hidden.
pub async fn count(tx: &mut Tx, image_id: &str) -> Result<i64, StoreError> {
    query(tx, "SELECT COUNT(*) FROM image_comments WHERE image_id = $1 AND hidden_at IS NULL").bind(image_id).value().await
}

/// Removes a comment. Whether there was one.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM image_comments WHERE id = $1").bind(id).changed().await
}

/// Hides a comment, with a reason for who said it, or shows it again. Whether there is one.
pub async fn set_hidden(tx: &mut Tx, id: &str, hidden: Option<(Timestamp, &str)>) -> Result<bool, StoreError> {
    let text = "UPDATE image_comments SET hidden_at = $2, hidden_reason = $3 WHERE id = $1";
    query(tx, text).bind(id).bind(hidden.map(|(at, _)| at)).bind(hidden.map(|(_, reason)| reason)).changed().await
}
