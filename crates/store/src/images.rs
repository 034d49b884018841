//! Pictures: whose, where the bytes are, how they were made.

use serde::Serialize;

use crate::{
    Db, StoreError, Timestamp, Tx,
    query::{On, Query, query},
};

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Image {
    /// Its name.
    pub id: String,
    /// The job that drew it.
    pub job_id: String,
    /// Its place in the job, from 0.
    pub job_index: i64,
    /// Whose.
    pub user_id: String,
    /// Where its bytes are.
    pub storage_key: String,
    /// Where its small version is.
    pub thumbnail_key: Option<String>,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
    /// How many bytes, the small version's included.
    pub bytes: i64,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// `png`, `jpeg`, `webp`.
    pub format: String,
    /// What drew it.
    pub model: String,
    /// What it was asked to draw.
    pub prompt: String,
    /// What its owner calls it.
    pub title: Option<String>,
    /// A placeholder while it loads.
    pub blurhash: Option<String>,
    /// JSON: seed, sampler, steps and what else was used.
    pub parameters: String,
    /// Others may see it.
    pub is_public: bool,
    /// Its owner's mark.
    pub is_favourite: bool,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When its owner threw it away.
    pub deleted_at: Option<Timestamp>,
    /// When its bytes were removed.
    pub purged_at: Option<Timestamp>,
}

fn select<'c>(on: impl Into<On<'c>>) -> Query<'c> {
    query(
        on,
        "SELECT id, job_id, job_index, user_id, storage_key, thumbnail_key, sha256, bytes, width, height, format, model, prompt, title, \
         blurhash, parameters, is_public, is_favourite, created_at, deleted_at, purged_at FROM images ",
    )
}

/// A new picture. Of one place in a job there is one picture ([`StoreError::Exists`]).
pub async fn insert(tx: &mut Tx, image: &Image) -> Result<(), StoreError> {
    let text = "INSERT INTO images (id, job_id, job_index, user_id, storage_key, thumbnail_key, sha256, bytes, width, height, format, model, \
                prompt, title, blurhash, parameters, is_public, is_favourite, created_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
    query(tx, text)
        .bind(&image.id)
        .bind(&image.job_id)
        .bind(image.job_index)
        .bind(&image.user_id)
        .bind(&image.storage_key)
        .bind(image.thumbnail_key.as_deref())
        .bind(&image.sha256)
        .bind(image.bytes)
        .bind(image.width)
        .bind(image.height)
        .bind(&image.format)
        .bind(&image.model)
        .bind(&image.prompt)
        .bind(image.title.as_deref())
        .bind(image.blurhash.as_deref())
        .bind(&image.parameters)
        .bind(image.is_public)
        .bind(image.is_favourite)
        .bind(image.created_at)
        .run()
        .await?;
    Ok(())
}

/// A picture that is not thrown away.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<Image>, StoreError> {
    select(db).push("WHERE deleted_at IS NULL AND id = ").push_bind(id).optional().await
}

/// The pictures of a job, in order.
pub async fn of_job(db: &Db, job_id: &str) -> Result<Vec<Image>, StoreError> {
    select(db).push("WHERE job_id = ").push_bind(job_id).push(" ORDER BY job_index").all().await
}

/// What a list of pictures is about.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Whose; `None` is everybody's public ones.
    pub user_id: Option<&'a str>,
    /// With this tag.
    pub tag: Option<&'a str>,
    /// In this album.
    pub album_id: Option<&'a str>,
    /// Whose prompt or title has this in it, whatever the case.
    pub text: Option<&'a str>,
    /// Drawn by this model.
    pub model: Option<&'a str>,
    /// Their owner's favourites alone.
    pub favourites: bool,
    /// Those that were thrown away and whose bytes are still there, instead of the others.
    pub trashed: bool,
    /// Stored at this time or later.
    pub since: Option<Timestamp>,
    /// Stored before this time.
    pub until: Option<Timestamp>,
    /// Older than this one (time and name).
    pub before: Option<(Timestamp, &'a str)>,
}

/// Pictures, newest first.
pub async fn list(db: &Db, filter: &Filter<'_>, limit: i64) -> Result<Vec<Image>, StoreError> {
    let kept = if filter.trashed { "WHERE deleted_at IS NOT NULL AND purged_at IS NULL" } else { "WHERE deleted_at IS NULL" };
    let mut listing = select(db).push(kept);
    listing = match filter.user_id {
        Some(user_id) => listing.push(" AND user_id = ").push_bind(user_id),
        None => listing.push(" AND is_public"),
    };
    if let Some(model) = filter.model {
        listing = listing.push(" AND model = ").push_bind(model);
    }
    if filter.favourites {
        listing = listing.push(" AND is_favourite");
    }
    if let Some(since) = filter.since {
        listing = listing.push(" AND created_at >= ").push_bind(since);
    }
    if let Some(until) = filter.until {
        listing = listing.push(" AND created_at < ").push_bind(until);
    }
    if let Some(tag) = filter.tag {
        listing = listing
            .push(" AND EXISTS (SELECT 1 FROM image_tags t WHERE t.image_id = images.id AND t.tag = ")
            .push_bind(tag)
            .push(")");
    }
    if let Some(album) = filter.album_id {
        listing = listing.push(" AND EXISTS (SELECT 1 FROM album_images a WHERE a.image_id = images.id AND a.album_id = ");
        listing = listing.push_bind(album).push(")");
    }
    if let Some(text) = filter.text {
        let pattern = format!("%{}%", text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        listing = listing
            .push(" AND (lower(prompt) LIKE ")
            .push_bind(pattern.clone())
            .push(" ESCAPE '\\' OR lower(COALESCE(title, '')) LIKE ");
        listing = listing.push_bind(pattern).push(" ESCAPE '\\')");
    }
    if let Some((at, id)) = filter.before {
        listing = listing.push(" AND (created_at, id) < (").push_bind(at).push(", ").push_bind(id).push(")");
    }
    listing.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(limit).all().await
}

/// What an owner can change.
#[derive(Debug, Clone, Default)]
pub struct Change<'a> {
    /// Another title.
    pub title: Option<&'a str>,
    /// Seen by others or not.
    pub is_public: Option<bool>,
    /// Marked or not.
    pub is_favourite: Option<bool>,
}

/// Changes one of a user's pictures; what is `None` stays. Whether there is one.
pub async fn change(tx: &mut Tx, user_id: &str, id: &str, change: &Change<'_>) -> Result<bool, StoreError> {
    let text = "UPDATE images SET title = COALESCE($3, title), is_public = COALESCE($4, is_public), \
                is_favourite = COALESCE($5, is_favourite) WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL";
    query(tx, text).bind(user_id).bind(id).bind(change.title).bind(change.is_public).bind(change.is_favourite).changed().await
}

/// Throws one of a user's pictures away; its bytes follow. Whether there was one.
pub async fn delete(tx: &mut Tx, user_id: &str, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE images SET deleted_at = $3, is_public = FALSE WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL";
    query(tx, text).bind(user_id).bind(id).bind(now).changed().await
}

/// One of a user's pictures that was thrown away and whose bytes are still there.
pub async fn trashed_by_id(db: &Db, user_id: &str, id: &str) -> Result<Option<Image>, StoreError> {
    let finding = select(db).push("WHERE deleted_at IS NOT NULL AND purged_at IS NULL AND user_id = ").push_bind(user_id);
    finding.push(" AND id = ").push_bind(id).optional().await
}

/// Takes one of a user's pictures back whose bytes are still there. Whether there was one.
pub async fn restore(tx: &mut Tx, user_id: &str, id: &str) -> Result<bool, StoreError> {
    let text =
        "UPDATE images SET deleted_at = NULL WHERE user_id = $1 AND id = $2 AND deleted_at IS NOT NULL AND purged_at IS NULL";
    query(tx, text).bind(user_id).bind(id).changed().await
}

/// Throws all of a user's pictures away.
pub async fn delete_all(tx: &mut Tx, user_id: &str, now: Timestamp) -> Result<u64, StoreError> {
    let text = "UPDATE images SET deleted_at = $2, is_public = FALSE WHERE user_id = $1 AND deleted_at IS NULL";
    query(tx, text).bind(user_id).bind(now).run().await
}

/// Pictures thrown away before then whose bytes are still there, of one user or of all.
pub async fn to_purge(db: &Db, user_id: Option<&str>, before: Timestamp, limit: i64) -> Result<Vec<Image>, StoreError> {
    let mut finding = select(db).push("WHERE purged_at IS NULL AND deleted_at <= ").push_bind(before);
    if let Some(user_id) = user_id {
        finding = finding.push(" AND user_id = ").push_bind(user_id);
    }
    finding.push(" ORDER BY id LIMIT ").push_bind(limit).all().await
}

/// The bytes are gone, and with them what they showed.
pub async fn purged(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    query(&mut *tx, "DELETE FROM image_tags WHERE image_id = $1").bind(id).run().await?;
    query(&mut *tx, "DELETE FROM album_images WHERE image_id = $1").bind(id).run().await?;
    let text = "UPDATE images SET purged_at = $2, prompt = '', title = NULL, blurhash = NULL, parameters = '{}' WHERE id = $1 AND deleted_at IS NOT NULL";
    query(tx, text).bind(id).bind(now).changed().await
}

/// Bytes a user's pictures take, those thrown away and not yet removed included.
pub async fn bytes_of_user(tx: &mut Tx, user_id: &str) -> Result<i64, StoreError> {
    let text = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM images WHERE user_id = $1 AND purged_at IS NULL";
    query(tx, text).bind(user_id).value().await
}

/// Of these keys, those some picture has.
pub async fn known_keys(db: &Db, keys: &[String]) -> Result<Vec<String>, StoreError> {
    let finding = query(db, "SELECT storage_key FROM images WHERE purged_at IS NULL AND storage_key IN ").push_in(keys);
    let finding =
        finding.push(" UNION SELECT thumbnail_key FROM images WHERE purged_at IS NULL AND thumbnail_key IN ").push_in(keys);
    let known: Vec<(String,)> = finding.all().await?;
    Ok(known.into_iter().map(|(key,)| key).collect())
}

/// Pictures whose bytes there must be, by id, after this one: for the check.
pub async fn stored_after(db: &Db, after: &str, limit: i64) -> Result<Vec<Image>, StoreError> {
    select(db).push("WHERE purged_at IS NULL AND id > ").push_bind(after).push(" ORDER BY id LIMIT ").push_bind(limit).all().await
}
