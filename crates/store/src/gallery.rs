//! A user's own pictures, as they look for them: newest first, page by page.
//!
//! A page goes on after the last picture of the one before it (time and name), never by counting, so that it costs the same however far down
//! it is and nothing is shown twice when something new comes in.

use crate::{
    Db, StoreError, Timestamp,
    images::{Image, select},
    query::Query,
    search::{self, Words},
};

/// What somebody looks for. What is `None` does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Drawn by this model.
    pub model: Option<&'a str>,
    /// With this sampler.
    pub sampler: Option<&'a str>,
    /// In this mode.
    pub mode: Option<&'a str>,
    /// At least and at most this wide.
    pub width: (Option<i64>, Option<i64>),
    /// At least and at most this high.
    pub height: (Option<i64>, Option<i64>),
    /// Made at this time or later, and before that one.
    pub made: (Option<Timestamp>, Option<Timestamp>),
    /// Marked or not.
    pub is_favourite: Option<bool>,
    /// Public or not.
    pub is_public: Option<bool>,
    /// With this tag.
    pub tag: Option<&'a str>,
    /// In this album.
    pub album_id: Option<&'a str>,
    /// With all of these words in its prompt or title.
    pub words: Option<&'a Words>,
    /// Older than this one (time and name).
    pub before: Option<(Timestamp, &'a str)>,
}

/// A user's pictures, newest first.
pub async fn list(db: &Db, user_id: &str, filter: &Filter<'_>, limit: i64) -> Result<Vec<Image>, StoreError> {
    listing(db, user_id, filter, limit).all().await
}

pub(crate) fn listing<'c>(db: &'c Db, user_id: &str, filter: &Filter<'_>, limit: i64) -> Query<'c> {
    let listing = match filter.words {
        Some(words) => search::of_owner(db, user_id, words).push(" AND "),
        None => select(db).push("WHERE "),
    };
    let mut listing = listing.push("i.deleted_at IS NULL AND i.user_id = ").push_bind(user_id);
    for (condition, text) in
        [(" AND i.model = ", filter.model), (" AND i.sampler = ", filter.sampler), (" AND i.mode = ", filter.mode)]
    {
        if let Some(text) = text {
            listing = listing.push(condition).push_bind(text);
        }
    }
    let times = (filter.made.0.map(|at| at.0), filter.made.1.map(|at| at.0.saturating_sub(1)));
    for ((at_least, at_most), (from, to)) in [
        ((" AND i.width >= ", " AND i.width <= "), filter.width),
        ((" AND i.height >= ", " AND i.height <= "), filter.height),
        ((" AND i.created_at >= ", " AND i.created_at <= "), times),
    ] {
        for (condition, bound) in [(at_least, from), (at_most, to)] {
            if let Some(bound) = bound {
                listing = listing.push(condition).push_bind(bound);
            }
        }
    }
    listing = match filter.is_favourite {
        Some(true) => listing.push(" AND i.is_favourite"),
        Some(false) => listing.push(" AND NOT i.is_favourite"),
        None => listing,
    };
    listing = match filter.is_public {
        Some(true) => listing.push(" AND i.is_public"),
        Some(false) => listing.push(" AND NOT i.is_public"),
        None => listing,
    };
    if let Some(tag) = filter.tag {
        listing = listing.push(" AND EXISTS (SELECT 1 FROM image_tags t WHERE t.image_id = i.id AND t.tag = ");
        listing = listing.push_bind(tag).push(")");
    }
    if let Some(album) = filter.album_id {
        listing = listing.push(" AND EXISTS (SELECT 1 FROM album_images a WHERE a.image_id = i.id AND a.album_id = ");
        listing = listing.push_bind(album).push(")");
    }
    if filter.words.is_some() {
        return search::after(listing, db.engine(), filter.before, limit);
    }
    if let Some((at, id)) = filter.before {
        listing = listing.push(" AND (i.created_at, i.id) < (").push_bind(at).push(", ").push_bind(id).push(")");
    }
    listing.push(" ORDER BY i.created_at DESC, i.id DESC LIMIT ").push_bind(limit)
}
