//! Albums and tags: how people order their pictures. Both go with the picture.

use serde::Serialize;

use crate::{Db, Moment, StoreError, Timestamp, Tx, query::query};

/// Some pictures under a title.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Album {
    /// Its name.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// What it is called.
    pub title: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A new album.
pub async fn insert(tx: &mut Tx, at: &Moment<'_>, user_id: &str, title: &str) -> Result<Album, StoreError> {
    let album = Album { id: at.id(), user_id: user_id.to_owned(), title: title.to_owned(), created_at: at.now };
    let text = "INSERT INTO albums (id, user_id, title, created_at) VALUES ($1, $2, $3, $4)";
    query(tx, text).bind(&album.id).bind(user_id).bind(title).bind(at.now).run().await?;
    Ok(album)
}

/// A user's albums, newest first.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<Album>, StoreError> {
    query(db, "SELECT id, user_id, title, created_at FROM albums WHERE user_id = $1 ORDER BY created_at DESC, id DESC")
        .bind(user_id)
        .all()
        .await
}

/// Removes one of a user's albums; its pictures stay.
pub async fn delete(tx: &mut Tx, user_id: &str, id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM albums WHERE user_id = $1 AND id = $2").bind(user_id).bind(id).changed().await
}

/// Puts a picture into an album, both of this user. Whether they are.
pub async fn add(tx: &mut Tx, user_id: &str, album_id: &str, image_id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let both = "SELECT COUNT(*) FROM albums a JOIN images i ON i.user_id = a.user_id \
                WHERE a.user_id = $1 AND a.id = $2 AND i.id = $3 AND i.deleted_at IS NULL";
    let theirs: i64 = query(&mut *tx, both).bind(user_id).bind(album_id).bind(image_id).value().await?;
    if theirs == 0 {
        return Ok(false);
    }
    let text =
        "INSERT INTO album_images (album_id, image_id, added_at) VALUES ($1, $2, $3) ON CONFLICT (album_id, image_id) DO NOTHING";
    query(tx, text).bind(album_id).bind(image_id).bind(now).run().await?;
    Ok(true)
}

/// Takes a picture out of a user's album.
pub async fn remove(tx: &mut Tx, user_id: &str, album_id: &str, image_id: &str) -> Result<bool, StoreError> {
    let text = "DELETE FROM album_images WHERE album_id = $2 AND image_id = $3 AND album_id IN (SELECT id FROM albums WHERE user_id = $1)";
    query(tx, text).bind(user_id).bind(album_id).bind(image_id).changed().await
}

/// The tags of a picture, in alphabetical order.
pub async fn tags(db: &Db, image_id: &str) -> Result<Vec<String>, StoreError> {
    let tags: Vec<(String,)> =
        query(db, "SELECT tag FROM image_tags WHERE image_id = $1 ORDER BY tag").bind(image_id).all().await?;
    Ok(tags.into_iter().map(|(tag,)| tag).collect())
}

/// Gives one of a user's pictures these tags and no others. Whether it is theirs.
pub async fn set_tags(tx: &mut Tx, user_id: &str, image_id: &str, tags: &[String]) -> Result<bool, StoreError> {
    let theirs = "SELECT COUNT(*) FROM images WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL";
    let theirs: i64 = query(&mut *tx, theirs).bind(user_id).bind(image_id).value().await?;
    if theirs == 0 {
        return Ok(false);
    }
    query(&mut *tx, "DELETE FROM image_tags WHERE image_id = $1").bind(image_id).run().await?;
    for tag in tags {
        let text = "INSERT INTO image_tags (image_id, tag) VALUES ($1, $2) ON CONFLICT (image_id, tag) DO NOTHING";
        query(&mut *tx, text).bind(image_id).bind(tag).run().await?;
    }
    Ok(true)
}
