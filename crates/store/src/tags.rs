//! Tags: words people put on their pictures. They go with the picture.

use serde::Serialize;

use crate::{
    Db, StoreError, Tx,
    query::{Query, query},
};

/// A tag and on how many of a user's pictures it is.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Counted {
    /// The word.
    pub tag: String,
    /// Pictures, those in the trash not counted.
    pub images: i64,
}

/// The tags of a picture, in alphabetical order.
pub async fn of_image(db: &Db, image_id: &str) -> Result<Vec<String>, StoreError> {
    let tags: Vec<(String,)> =
        query(db, "SELECT tag FROM image_tags WHERE image_id = $1 ORDER BY tag").bind(image_id).all().await?;
    Ok(tags.into_iter().map(|(tag,)| tag).collect())
}

/// The tags of these pictures: picture and tag.
pub async fn of_images(db: &Db, image_ids: &[&str]) -> Result<Vec<(String, String)>, StoreError> {
    let finding = query(db, "SELECT image_id, tag FROM image_tags WHERE image_id IN ").push_in(image_ids.iter().copied());
    finding.push(" ORDER BY image_id, tag").all().await
}

/// A user's tags, the most used first.
pub async fn of_user(db: &Db, user_id: &str, limit: i64) -> Result<Vec<Counted>, StoreError> {
    counting(db, user_id, limit).all().await
}

pub(crate) fn counting<'c>(db: &'c Db, user_id: &str, limit: i64) -> Query<'c> {
    let text = "SELECT t.tag, COUNT(*) AS images FROM images i CROSS JOIN image_tags t WHERE t.image_id = i.id AND i.deleted_at IS NULL AND i.user_id = ";
    query(db, text).push_bind(user_id).push(" GROUP BY t.tag ORDER BY images DESC, t.tag LIMIT ").push_bind(limit)
}

/// Whether it is one of a user's pictures and not in the trash.
async fn is_theirs(tx: &mut Tx, user_id: &str, image_id: &str) -> Result<bool, StoreError> {
    let theirs = "SELECT COUNT(*) FROM images WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL";
    let theirs: i64 = query(&mut *tx, theirs).bind(user_id).bind(image_id).value().await?;
    Ok(theirs > 0)
}

/// Gives one of a user's pictures these tags and no others. Whether it is theirs.
pub async fn set(tx: &mut Tx, user_id: &str, image_id: &str, tags: &[String]) -> Result<bool, StoreError> {
    if !is_theirs(tx, user_id, image_id).await? {
        return Ok(false);
    }
    query(&mut *tx, "DELETE FROM image_tags WHERE image_id = $1").bind(image_id).run().await?;
    add(tx, user_id, image_id, tags).await
}

/// Gives one of a user's pictures these tags too. Whether it is theirs.
pub async fn add(tx: &mut Tx, user_id: &str, image_id: &str, tags: &[String]) -> Result<bool, StoreError> {
    if !is_theirs(tx, user_id, image_id).await? {
        return Ok(false);
    }
    for tag in tags {
        let text = "INSERT INTO image_tags (image_id, tag) VALUES ($1, $2) ON CONFLICT (image_id, tag) DO NOTHING";
        query(&mut *tx, text).bind(image_id).bind(tag).run().await?;
    }
    Ok(true)
}

/// Takes these tags off one of a user's pictures. Whether it is theirs.
pub async fn remove(tx: &mut Tx, user_id: &str, image_id: &str, tags: &[String]) -> Result<bool, StoreError> {
    if !is_theirs(tx, user_id, image_id).await? {
        return Ok(false);
    }
    query(tx, "DELETE FROM image_tags WHERE image_id = ").push_bind(image_id).push(" AND tag IN ").push_in(tags).run().await?;
    Ok(true)
}

/// How many tags a picture has.
pub async fn count(tx: &mut Tx, image_id: &str) -> Result<i64, StoreError> {
    query(tx, "SELECT COUNT(*) FROM image_tags WHERE image_id = $1").bind(image_id).value().await
}
