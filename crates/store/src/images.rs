//! Pictures: whose, where the bytes are, how they were made. Lists of them are in `gallery.rs` and `public.rs`, the trash is in `trash.rs`.

use serde::Serialize;

use crate::{
    Credits, Db, StoreError, Timestamp, Tx,
    organizations::Among,
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
    /// When what was thrown away is removed for good.
    pub purge_at: Option<Timestamp>,
    /// How the noise was taken away.
    pub sampler: Option<String>,
    /// `text_to_image`, `image_to_image`, …
    pub mode: Option<String>,
    /// When it was made public, last.
    pub published_at: Option<Timestamp>,
    /// Others may see, find and use the prompt.
    pub shows_prompt: bool,
    /// When a moderator hid it.
    pub hidden_at: Option<Timestamp>,
    /// Why, for its owner.
    pub hidden_reason: Option<String>,
    /// How many like it.
    pub like_count: i64,
    /// How many comments it has that are not hidden.
    pub comment_count: i64,
    /// How often others looked at it.
    pub view_count: i64,
    /// Its place among trending ones.
    #[serde(skip)]
    pub trend: Option<i64>,
    /// Its owner's organisation.
    pub organization_id: Option<String>,
    /// Milliseconds it took; of what was drawn long ago it is not known.
    pub generation_ms: Option<i64>,
    /// What it has cost, charged or counted; of what was drawn long ago it is not known.
    pub cost: Option<Credits>,
}

impl Image {
    /// Whether everybody may see it: what `PUBLIC` asks of a row.
    pub fn is_shown(&self) -> bool {
        self.is_public && self.deleted_at.is_none() && self.hidden_at.is_none()
    }
}

/// What everybody may see, in the words that the indexes know.
pub(crate) const PUBLIC: &str = "i.is_public AND i.deleted_at IS NULL AND i.hidden_at IS NULL";

pub(crate) const COLUMNS: &str = "SELECT i.id, i.job_id, i.job_index, i.user_id, i.storage_key, i.thumbnail_key, i.sha256, i.bytes, i.width, i.height, \
    i.format, i.model, i.prompt, i.title, i.blurhash, i.parameters, i.is_public, i.is_favourite, i.created_at, i.deleted_at, i.purged_at, \
    i.purge_at, i.sampler, i.mode, i.published_at, i.shows_prompt, i.hidden_at, i.hidden_reason, i.like_count, i.comment_count, i.view_count, i.trend, \
    i.organization_id, i.generation_ms, i.cost ";

pub(crate) fn select<'c>(on: impl Into<On<'c>>) -> Query<'c> {
    query(on, COLUMNS).push("FROM images i ")
}

/// A new picture, as its owner's alone whatever else it says. Of one place in a job there is one picture ([`StoreError::Exists`]).
pub async fn insert(tx: &mut Tx, image: &Image) -> Result<(), StoreError> {
    let text = "INSERT INTO images (id, job_id, job_index, user_id, storage_key, thumbnail_key, sha256, bytes, width, height, format, model, \
                prompt, title, blurhash, parameters, is_public, is_favourite, created_at, sampler, mode, organization_id, \
                generation_ms, cost) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)";
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
        .bind(false)
        .bind(image.is_favourite)
        .bind(image.created_at)
        .bind(image.sampler.as_deref())
        .bind(image.mode.as_deref())
        .bind(image.organization_id.as_deref())
        .bind(image.generation_ms)
        .bind(image.cost)
        .run()
        .await?;
    Ok(())
}

/// A picture that is not thrown away.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<Image>, StoreError> {
    select(db).push("WHERE i.deleted_at IS NULL AND i.id = ").push_bind(id).optional().await
}

/// The pictures of a job, in order.
pub async fn of_job(db: &Db, job_id: &str) -> Result<Vec<Image>, StoreError> {
    select(db).push("WHERE i.job_id = ").push_bind(job_id).push(" ORDER BY i.job_index").all().await
}

/// The pictures of some jobs, each job's in order.
pub async fn of_jobs(db: &Db, job_ids: &[&str]) -> Result<Vec<Image>, StoreError> {
    let finding = select(db).push("WHERE i.job_id IN ").push_in(job_ids.iter().copied());
    finding.push(" ORDER BY i.job_id, i.job_index").all().await
}

/// A picture that everybody may see.
pub async fn shown(db: &Db, id: &str, among: &Among) -> Result<Option<Image>, StoreError> {
    let finding = select(db).push("WHERE ").push(PUBLIC).push(" AND i.id = ").push_bind(id);
    let found: Option<Image> = finding.optional().await?;
    Ok(found.filter(|image| among.has(image.organization_id.as_deref())))
}

/// A picture, whatever became of it, locked until the transaction ends: whoever changes its kept sums or its place takes turns.
pub async fn lock(tx: &mut Tx, id: &str) -> Result<Option<Image>, StoreError> {
    let locking = tx.engine() == crate::Engine::Postgres;
    select(tx).push("WHERE i.id = ").push_bind(id).push(if locking { " FOR UPDATE" } else { "" }).optional().await
}

/// What an owner can change.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change<'a> {
    /// Another title; an empty one is none.
    pub title: Option<&'a str>,
    /// Marked or not.
    pub is_favourite: Option<bool>,
}

/// Changes one of a user's pictures; what is `None` stays. Whether there is one.
pub async fn change(tx: &mut Tx, user_id: &str, id: &str, change: &Change<'_>) -> Result<bool, StoreError> {
    let text = "UPDATE images SET title = NULLIF(COALESCE($3, title), ''), is_favourite = COALESCE($4, is_favourite) \
                WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL";
    query(tx, text).bind(user_id).bind(id).bind(change.title).bind(change.is_favourite).changed().await
}

/// How a picture is shown to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Showing {
    /// When that began.
    pub published_at: Timestamp,
    /// Its place among trending ones.
    pub trend: i64,
    /// With its prompt.
    pub shows_prompt: bool,
}

/// Shows a locked picture to others, or no longer: when it was last shown, and its place, stay.
pub async fn set_showing(tx: &mut Tx, id: &str, showing: Option<Showing>) -> Result<bool, StoreError> {
    let text = "UPDATE images SET is_public = $2, published_at = COALESCE($3, published_at), trend = COALESCE($4, trend), shows_prompt = $5 \
                WHERE id = $1 AND deleted_at IS NULL";
    query(tx, text)
        .bind(id)
        .bind(showing.is_some())
        .bind(showing.map(|showing| showing.published_at))
        .bind(showing.map(|showing| showing.trend))
        .bind(showing.is_some_and(|showing| showing.shows_prompt))
        .changed()
        .await
}

/// Shows none of a user's pictures any longer. Returns how many were.
pub async fn withdraw_all(tx: &mut Tx, user_id: &str) -> Result<u64, StoreError> {
    let text = "UPDATE images SET is_public = FALSE, shows_prompt = FALSE WHERE user_id = $1 AND is_public";
    query(tx, text).bind(user_id).run().await
}

/// Hides a picture from others, with a reason for its owner, or shows it again.
pub async fn set_hidden(tx: &mut Tx, id: &str, hidden: Option<(Timestamp, &str)>) -> Result<bool, StoreError> {
    let text = "UPDATE images SET hidden_at = $2, hidden_reason = $3 WHERE id = $1 AND purged_at IS NULL";
    query(tx, text).bind(id).bind(hidden.map(|(at, _)| at)).bind(hidden.map(|(_, reason)| reason)).changed().await
}

/// Writes the kept sums of a locked picture, and its place among trending ones.
pub async fn set_sums(
    tx: &mut Tx,
    id: &str,
    like_count: i64,
    comment_count: i64,
    trend: Option<i64>,
) -> Result<bool, StoreError> {
    let text = "UPDATE images SET like_count = $2, comment_count = $3, trend = $4 WHERE id = $1";
    query(tx, text).bind(id).bind(like_count).bind(comment_count).bind(trend).changed().await
}

/// So many more have looked at it.
pub async fn add_views(tx: &mut Tx, id: &str, views: i64) -> Result<bool, StoreError> {
    query(tx, "UPDATE images SET view_count = view_count + $2 WHERE id = $1").bind(id).bind(views).changed().await
}

/// What somebody has stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Stored {
    /// Pictures, those in the trash included.
    pub images: i64,
    /// Their bytes.
    pub bytes: i64,
    /// Pictures in the trash.
    pub trash_images: i64,
    /// Their bytes.
    pub trash_bytes: i64,
}

/// What somebody has stored: kept pictures, and those in the trash.
pub async fn stored(db: &Db, user_id: &str) -> Result<Stored, StoreError> {
    let text = "SELECT COUNT(*) AS images, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes, \
                COUNT(deleted_at) AS trash_images, \
                CAST(COALESCE(SUM(CASE WHEN deleted_at IS NULL THEN 0 ELSE bytes END), 0) AS BIGINT) AS trash_bytes \
                FROM images WHERE user_id = $1 AND purged_at IS NULL";
    query(db, text).bind(user_id).one().await
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
    select(db)
        .push("WHERE i.purged_at IS NULL AND i.id > ")
        .push_bind(after)
        .push(" ORDER BY i.id LIMIT ")
        .push_bind(limit)
        .all()
        .await
}
