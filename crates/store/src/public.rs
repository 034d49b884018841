//! What everybody sees: recent and trending pictures, somebody's, a model's, those with a tag, and those of the people somebody follows.
//!
//! Every list has an index of its own over public pictures alone and goes on after the last picture of the page before it, so that a page costs
//! the same with a million pictures as with a hundred (`plans.rs` asks the databases).

use crate::{
    Db, StoreError,
    images::{Image, PUBLIC, select},
    organizations::Among,
    query::{Query, query},
};

/// Which list, and how it is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// Last published first.
    Recent,
    /// By likes and age: the largest [`Image::trend`] first.
    Trending,
    /// One user's, last published first.
    OfUser(&'a str),
    /// One model's, last published first.
    OfModel(&'a str),
    /// Of the people this one follows, last published first.
    OfFollowed(&'a str),
    /// With this tag, last made first.
    Tagged(&'a str),
}

/// After which picture a page begins: the value it is ordered by, and its name.
pub type After<'a> = Option<(i64, &'a str)>;

/// What a picture of this list is ordered by, besides its name.
pub fn place(which: Which<'_>, image: &Image) -> i64 {
    match which {
        Which::Trending => image.trend.unwrap_or_default(),
        Which::Tagged(_) => 0,
        _ => image.published_at.unwrap_or_default().0,
    }
}

pub(crate) const IN_ORGANIZATION: &str = " AND i.organization_id";

/// A page of a list. Somebody's own is theirs whatever it is looked for among: whether they are seen is asked before.
pub async fn list(db: &Db, which: Which<'_>, among: &Among, after: After<'_>, limit: i64) -> Result<Vec<Image>, StoreError> {
    listing(db, which, among, after, limit).all().await
}

pub(crate) fn listing<'c>(db: &'c Db, which: Which<'_>, among: &Among, after: After<'_>, limit: i64) -> Query<'c> {
    let listing = match which {
        Which::Recent | Which::Trending => select(db).push("WHERE "),
        Which::OfUser(user_id) => select(db).push("WHERE i.user_id = ").push_bind(user_id).push(" AND "),
        Which::OfModel(model) => select(db).push("WHERE i.model = ").push_bind(model).push(" AND "),
        Which::OfFollowed(user_id) => return of_followed(db, user_id, among, after, limit),
        Which::Tagged(tag) => return tagged(db, tag, among, after, limit),
    };
    let (key, order) = match which {
        Which::Trending => (" AND (i.trend, i.id) < (", " ORDER BY i.trend DESC, i.id DESC LIMIT "),
        _ => (" AND (i.published_at, i.id) < (", " ORDER BY i.published_at DESC, i.id DESC LIMIT "),
    };
    let mut listing = listing.push(PUBLIC);
    if !matches!(which, Which::OfUser(_)) {
        listing = among.narrow(listing, IN_ORGANIZATION);
    }
    if let Some((place, id)) = after {
        listing = listing.push(key).push_bind(place).push(", ").push_bind(id).push(")");
    }
    listing.push(order).push_bind(limit)
}

/// The names first, from the index alone, for each of the few that are followed; then the rows of one page.
fn of_followed<'c>(db: &'c Db, user_id: &str, among: &Among, after: After<'_>, limit: i64) -> Query<'c> {
    let text =
        "WHERE i.id IN (SELECT i.id FROM user_follows f CROSS JOIN images i WHERE i.user_id = f.followed_id AND f.follower_id = ";
    let listing = select(db).push(text).push_bind(user_id).push(" AND ").push(PUBLIC);
    let mut listing = among.filter(listing, IN_ORGANIZATION);
    if let Some((place, id)) = after {
        listing = listing.push(" AND (i.published_at, i.id) < (").push_bind(place).push(", ").push_bind(id).push(")");
    }
    listing = listing.push(" ORDER BY i.published_at DESC, i.id DESC LIMIT ").push_bind(limit);
    listing.push(") ORDER BY i.published_at DESC, i.id DESC")
}

fn tagged<'c>(db: &'c Db, tag: &str, among: &Among, after: After<'_>, limit: i64) -> Query<'c> {
    let listing =
        query(db, crate::images::COLUMNS).push("FROM image_tags t CROSS JOIN images i WHERE i.id = t.image_id AND t.tag = ");
    let mut listing = among.filter(listing.push_bind(tag).push(" AND ").push(PUBLIC), IN_ORGANIZATION);
    if let Some((_, id)) = after {
        listing = listing.push(" AND t.image_id < ").push_bind(id);
    }
    listing.push(" ORDER BY t.image_id DESC LIMIT ").push_bind(limit)
}

/// How many pictures somebody shows.
pub async fn count_of_user(db: &Db, user_id: &str) -> Result<i64, StoreError> {
    query(db, "SELECT COUNT(*) FROM images i WHERE i.user_id = ").push_bind(user_id).push(" AND ").push(PUBLIC).value().await
}

/// Of these pictures, those somebody likes.
pub async fn liked_among(db: &Db, user_id: &str, ids: &[&str]) -> Result<Vec<String>, StoreError> {
    let finding = query(db, "SELECT image_id FROM image_likes WHERE user_id = ").push_bind(user_id).push(" AND image_id IN ");
    let liked: Vec<(String,)> = finding.push_in(ids.iter().copied()).all().await?;
    Ok(liked.into_iter().map(|(id,)| id).collect())
}
