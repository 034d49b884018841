//! Albums: how people order their pictures. An album goes with its owner, its pictures stay.
//!
//! Places are numbers with gaps: what is put in last is last, and a new order is written as 0, 1, 2, … for all.

use serde::Serialize;

use crate::{
    Db, Moment, StoreError, Timestamp, Tx,
    images::{COLUMNS, Image},
    query::{Query, query},
};

/// Some pictures under a title.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Album {
    /// Its name.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// What it is called.
    pub title: String,
    /// Its place among its owner's, smallest first.
    pub position: i64,
    /// The picture that stands for it.
    pub cover_image_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something in it last changed.
    pub updated_at: Timestamp,
}

const SELECT: &str = "SELECT id, user_id, title, position, cover_image_id, created_at, updated_at FROM albums ";

/// A new album, the last one.
pub async fn insert(tx: &mut Tx, at: &Moment<'_>, user_id: &str, title: &str) -> Result<Album, StoreError> {
    let last = "SELECT COALESCE(MAX(position) + 1, 0) FROM albums WHERE user_id = $1";
    let position: i64 = query(&mut *tx, last).bind(user_id).value().await?;
    let (id, user_id, title) = (at.id(), user_id.to_owned(), title.to_owned());
    let album = Album { id, user_id, title, position, cover_image_id: None, created_at: at.now, updated_at: at.now };
    let text = "INSERT INTO albums (id, user_id, title, position, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)";
    query(tx, text).bind(&album.id).bind(&album.user_id).bind(&album.title).bind(position).bind(at.now).run().await?;
    Ok(album)
}

/// A user's albums, in their order.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<Album>, StoreError> {
    query(db, SELECT).push("WHERE user_id = ").push_bind(user_id).push(" ORDER BY position, id").all().await
}

/// One of a user's albums.
pub async fn by_id(db: &Db, user_id: &str, id: &str) -> Result<Option<Album>, StoreError> {
    query(db, SELECT).push("WHERE user_id = ").push_bind(user_id).push(" AND id = ").push_bind(id).optional().await
}

/// How many albums a user has.
pub async fn count(tx: &mut Tx, user_id: &str) -> Result<i64, StoreError> {
    query(tx, "SELECT COUNT(*) FROM albums WHERE user_id = $1").bind(user_id).value().await
}

/// Calls one of a user's albums something else.
pub async fn rename(tx: &mut Tx, user_id: &str, id: &str, now: Timestamp, title: &str) -> Result<bool, StoreError> {
    let text = "UPDATE albums SET title = $4, updated_at = $3 WHERE user_id = $1 AND id = $2";
    query(tx, text).bind(user_id).bind(id).bind(now).bind(title).changed().await
}

/// Lets one of its pictures stand for an album, or none.
pub async fn set_cover(tx: &mut Tx, user_id: &str, id: &str, now: Timestamp, image_id: Option<&str>) -> Result<bool, StoreError> {
    let text = "UPDATE albums SET cover_image_id = $4, updated_at = $3 WHERE user_id = $1 AND id = $2 AND ($4 IS NULL OR EXISTS \
                (SELECT 1 FROM album_images a WHERE a.album_id = albums.id AND a.image_id = $4))";
    query(tx, text).bind(user_id).bind(id).bind(now).bind(image_id).changed().await
}

/// Gives one of a user's albums its place.
pub async fn set_position(tx: &mut Tx, user_id: &str, id: &str, position: i64) -> Result<bool, StoreError> {
    let text = "UPDATE albums SET position = $3 WHERE user_id = $1 AND id = $2";
    query(tx, text).bind(user_id).bind(id).bind(position).changed().await
}

/// Removes one of a user's albums; its pictures stay.
pub async fn delete(tx: &mut Tx, user_id: &str, id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM albums WHERE user_id = $1 AND id = $2").bind(user_id).bind(id).changed().await
}

/// Puts a picture into an album, both of this user, as the last one. Whether they are.
pub async fn add(tx: &mut Tx, user_id: &str, album_id: &str, image_id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let both = "SELECT COUNT(*) FROM albums a JOIN images i ON i.user_id = a.user_id \
                WHERE a.user_id = $1 AND a.id = $2 AND i.id = $3 AND i.deleted_at IS NULL";
    let theirs: i64 = query(&mut *tx, both).bind(user_id).bind(album_id).bind(image_id).value().await?;
    if theirs == 0 {
        return Ok(false);
    }
    let text = "INSERT INTO album_images (album_id, image_id, added_at, position) \
                VALUES ($1, $2, $3, (SELECT COALESCE(MAX(position) + 1, 0) FROM album_images WHERE album_id = $1)) \
                ON CONFLICT (album_id, image_id) DO NOTHING";
    query(&mut *tx, text).bind(album_id).bind(image_id).bind(now).run().await?;
    touch(tx, album_id, now).await?;
    Ok(true)
}

/// Takes a picture out of a user's album; it stands for it no longer either.
pub async fn remove(tx: &mut Tx, user_id: &str, album_id: &str, image_id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text = "DELETE FROM album_images WHERE album_id = $2 AND image_id = $3 AND album_id IN (SELECT id FROM albums WHERE user_id = $1)";
    let removed = query(&mut *tx, text).bind(user_id).bind(album_id).bind(image_id).changed().await?;
    if removed {
        let text = "UPDATE albums SET cover_image_id = NULL WHERE id = $1 AND cover_image_id = $2";
        query(&mut *tx, text).bind(album_id).bind(image_id).run().await?;
        touch(tx, album_id, now).await?;
    }
    Ok(removed)
}

/// Gives a picture its place in an album.
pub async fn place(tx: &mut Tx, album_id: &str, image_id: &str, position: i64) -> Result<bool, StoreError> {
    let text = "UPDATE album_images SET position = $3 WHERE album_id = $1 AND image_id = $2";
    query(tx, text).bind(album_id).bind(image_id).bind(position).changed().await
}

/// Something in it changed.
pub async fn touch(tx: &mut Tx, album_id: &str, now: Timestamp) -> Result<bool, StoreError> {
    query(tx, "UPDATE albums SET updated_at = $2 WHERE id = $1").bind(album_id).bind(now).changed().await
}

/// How many pictures an album holds, those in the trash included: they come back with their place.
pub async fn size(tx: &mut Tx, album_id: &str) -> Result<i64, StoreError> {
    query(tx, "SELECT COUNT(*) FROM album_images WHERE album_id = $1").bind(album_id).value().await
}

/// How many pictures each of a user's albums shows: album and number, those in the trash not counted.
pub async fn sizes(db: &Db, user_id: &str) -> Result<Vec<(String, i64)>, StoreError> {
    let text = "SELECT a.album_id, COUNT(*) FROM albums b CROSS JOIN album_images a WHERE a.album_id = b.id AND b.user_id = $1 GROUP BY a.album_id";
    let mut all: Vec<(String, i64)> = query(db, text).bind(user_id).all().await?;
    // Taken off rather than left out: the trash is small, and of what is not in it nothing is read but the index.
    let text = "SELECT a.album_id, COUNT(*) FROM images i CROSS JOIN album_images a \
                WHERE a.image_id = i.id AND i.user_id = $1 AND i.deleted_at IS NOT NULL AND i.purged_at IS NULL GROUP BY a.album_id";
    for (album, deleted) in query(db, text).bind(user_id).all::<(String, i64)>().await? {
        if let Some((_, size)) = all.iter_mut().find(|(id, _)| *id == album) {
            *size -= deleted;
        }
    }
    all.retain(|(_, size)| *size > 0);
    Ok(all)
}

/// The place of the first of a user's albums.
pub async fn first_position(tx: &mut Tx, user_id: &str) -> Result<i64, StoreError> {
    query(tx, "SELECT COALESCE(MIN(position), 0) FROM albums WHERE user_id = $1").bind(user_id).value().await
}

/// The place of the first picture of one of a user's albums. `None` if there is no such album.
pub async fn first_place(tx: &mut Tx, user_id: &str, album_id: &str) -> Result<Option<i64>, StoreError> {
    let text = "SELECT COALESCE(MIN(a.position), 0) FROM albums b LEFT JOIN album_images a ON a.album_id = b.id \
                WHERE b.user_id = $1 AND b.id = $2 GROUP BY b.id";
    let found: Option<(i64,)> = query(tx, text).bind(user_id).bind(album_id).optional().await?;
    Ok(found.map(|(place,)| place))
}

/// A picture and its place in an album.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Placed {
    /// The place.
    pub position: i64,
    /// The picture.
    #[sqlx(flatten)]
    pub image: Image,
}

/// The pictures of one of a user's albums in their order, after this one (place and name).
pub async fn pictures(
    db: &Db,
    user_id: &str,
    album_id: &str,
    after: Option<(i64, &str)>,
    limit: i64,
) -> Result<Vec<Placed>, StoreError> {
    in_order(db, user_id, album_id, after, limit).all().await
}

pub(crate) fn in_order<'c>(db: &'c Db, user_id: &str, album_id: &str, after: Option<(i64, &str)>, limit: i64) -> Query<'c> {
    let mut listing =
        query(db, COLUMNS).push(", a.position FROM album_images a CROSS JOIN images i WHERE i.id = a.image_id AND a.album_id = ");
    listing = listing.push_bind(album_id).push(" AND i.deleted_at IS NULL AND i.user_id = ").push_bind(user_id);
    if let Some((position, id)) = after {
        listing = listing.push(" AND (a.position, a.image_id) > (").push_bind(position).push(", ").push_bind(id).push(")");
    }
    listing.push(" ORDER BY a.position, a.image_id LIMIT ").push_bind(limit)
}
