//! Who follows whom. Both keep how many, in the same transaction.

use serde::Serialize;

use crate::{
    Db, StoreError, Timestamp, Tx,
    organizations::Among,
    query::{Query, query},
};

/// Of the people at the other end.
const IN_ORGANIZATION: &str = " AND u.organization_id";

/// Somebody who follows or is followed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Followed {
    /// Who.
    pub user_id: String,
    /// What they are called.
    pub username: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// Begins following, and counts it. Whether they did not before.
pub async fn insert(tx: &mut Tx, follower_id: &str, followed_id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text = "INSERT INTO user_follows (follower_id, followed_id, created_at) VALUES ($1, $2, $3) ON CONFLICT (follower_id, followed_id) DO NOTHING";
    let new = query(&mut *tx, text).bind(follower_id).bind(followed_id).bind(now).changed().await?;
    if new {
        count(tx, follower_id, followed_id, 1).await?;
    }
    Ok(new)
}

/// Ends following, and counts it. Whether they did.
pub async fn delete(tx: &mut Tx, follower_id: &str, followed_id: &str) -> Result<bool, StoreError> {
    let text = "DELETE FROM user_follows WHERE follower_id = $1 AND followed_id = $2";
    let ended = query(&mut *tx, text).bind(follower_id).bind(followed_id).changed().await?;
    if ended {
        count(tx, follower_id, followed_id, -1).await?;
    }
    Ok(ended)
}

/// In the order of their names, so that two who follow one another at once do not wait for each other.
async fn count(tx: &mut Tx, follower_id: &str, followed_id: &str, by: i64) -> Result<(), StoreError> {
    let following = ("UPDATE users SET following_count = following_count + $2 WHERE id = $1", follower_id);
    let followers = ("UPDATE users SET follower_count = follower_count + $2 WHERE id = $1", followed_id);
    let in_order = if follower_id < followed_id { [following, followers] } else { [followers, following] };
    for (text, id) in in_order {
        query(&mut *tx, text).bind(id).bind(by).run().await?;
    }
    Ok(())
}

/// Whether somebody follows somebody.
pub async fn exists(db: &Db, follower_id: &str, followed_id: &str) -> Result<bool, StoreError> {
    let text = "SELECT COUNT(*) FROM user_follows WHERE follower_id = $1 AND followed_id = $2";
    let count: i64 = query(db, text).bind(follower_id).bind(followed_id).value().await?;
    Ok(count > 0)
}

/// How many somebody follows.
pub async fn count_of(tx: &mut Tx, follower_id: &str) -> Result<i64, StoreError> {
    query(tx, "SELECT COUNT(*) FROM user_follows WHERE follower_id = $1").bind(follower_id).value().await
}

/// Whom somebody follows, by name here, after this one.
pub async fn of_user(db: &Db, follower_id: &str, among: &Among, after: &str, limit: i64) -> Result<Vec<Followed>, StoreError> {
    following(db, follower_id, among, after, limit).all().await
}

pub(crate) fn following<'c>(db: &'c Db, follower_id: &str, among: &Among, after: &str, limit: i64) -> Query<'c> {
    let text = "SELECT u.id AS user_id, u.username, f.created_at FROM user_follows f CROSS JOIN users u WHERE u.id = f.followed_id AND f.follower_id = ";
    let listing = query(db, text).push_bind(follower_id).push(" AND f.followed_id > ").push_bind(after);
    among.filter(listing, IN_ORGANIZATION).push(" ORDER BY f.followed_id LIMIT ").push_bind(limit)
}

/// Who follows somebody, last first, before this one (time and name).
pub async fn followers(
    db: &Db,
    followed_id: &str,
    among: &Among,
    before: Option<(Timestamp, &str)>,
    limit: i64,
) -> Result<Vec<Followed>, StoreError> {
    followers_listing(db, followed_id, among, before, limit).all().await
}

pub(crate) fn followers_listing<'c>(
    db: &'c Db,
    followed_id: &str,
    among: &Among,
    before: Option<(Timestamp, &str)>,
    limit: i64,
) -> Query<'c> {
    let text = "SELECT u.id AS user_id, u.username, f.created_at FROM user_follows f CROSS JOIN users u WHERE u.id = f.follower_id AND f.followed_id = ";
    let mut listing = among.filter(query(db, text).push_bind(followed_id), IN_ORGANIZATION);
    if let Some((at, id)) = before {
        listing = listing.push(" AND (f.created_at, f.follower_id) < (").push_bind(at).push(", ").push_bind(id).push(")");
    }
    listing.push(" ORDER BY f.created_at DESC, f.follower_id DESC LIMIT ").push_bind(limit)
}
