//! A person's own pictures: found, marked, thrown away and taken back; and the ones they send.
//!
//! A picture that is somebody else's is not there. What was thrown away can be taken back until housekeeping removes its bytes. Of what is sent
//! nothing is kept but its pixels (`upload.rs`).

mod upload;

use std::sync::Arc;

use easel_blobs::Blobs;
use easel_store::{
    Timestamp,
    images::{self, Change, Filter, Image},
};

use crate::{Context, PlatformError, orders::Source, plans::Catalogue};

pub use upload::UploadLimits;
pub(crate) use upload::remove;

/// Pictures of one page at most, and one to tell whether there are more.
const PAGE_MAX: i64 = 101;

/// Which of somebody's pictures.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Whose prompt or title has this in it.
    pub text: Option<&'a str>,
    /// Drawn by this model.
    pub model: Option<&'a str>,
    /// Favourites alone.
    pub favourites: bool,
    /// Those that were thrown away, instead of the others.
    pub trashed: bool,
    /// Stored at this time or later.
    pub since: Option<Timestamp>,
    /// Stored before this time.
    pub until: Option<Timestamp>,
    /// After this one of the list.
    pub after: Option<(Timestamp, &'a str)>,
    /// At most so many.
    pub limit: i64,
}

/// Somebody's own pictures. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Images {
    context: Context,
    catalogue: Arc<Catalogue>,
    blobs: Blobs,
    limits: UploadLimits,
}

impl Images {
    /// Over this database and these bytes.
    pub fn new(context: Context, catalogue: Catalogue, blobs: Blobs, limits: UploadLimits) -> Self {
        Self { context, catalogue: Arc::new(catalogue), blobs, limits }
    }

    /// One of somebody's pictures that is not thrown away.
    pub async fn get(&self, user_id: &str, id: &str) -> Result<Image, PlatformError> {
        if !is_id(id) {
            return Err(PlatformError::NotFound("picture"));
        }
        let image = images::by_id(&self.context.db, id).await?;
        image.filter(|image| image.user_id == user_id).ok_or(PlatformError::NotFound("picture"))
    }

    /// Somebody's pictures, newest first.
    pub async fn list(&self, user_id: &str, wanted: &Wanted<'_>) -> Result<Vec<Image>, PlatformError> {
        let filter = Filter {
            user_id: Some(user_id),
            text: wanted.text,
            model: wanted.model,
            favourites: wanted.favourites,
            trashed: wanted.trashed,
            since: wanted.since,
            until: wanted.until,
            before: wanted.after,
            ..Filter::default()
        };
        Ok(images::list(&self.context.db, &filter, wanted.limit.clamp(1, PAGE_MAX)).await?)
    }

    /// The pictures of one of somebody's jobs that are not thrown away, in order.
    pub async fn of_job(&self, user_id: &str, job_id: &str) -> Result<Vec<Image>, PlatformError> {
        let mut found = images::of_job(&self.context.db, job_id).await?;
        found.retain(|image| image.user_id == user_id && image.deleted_at.is_none());
        Ok(found)
    }

    /// Another title, or marked as a favourite or not; what is `None` stays.
    pub async fn change(
        &self,
        user_id: &str,
        id: &str,
        title: Option<&str>,
        favourite: Option<bool>,
    ) -> Result<Image, PlatformError> {
        if title.is_some_and(|title| title.chars().count() > 200 || title.chars().any(char::is_control)) {
            return Err(PlatformError::Invalid { field: "title", problem: "is too long or has control characters" });
        }
        let mut tx = self.context.db.begin().await?;
        let change = Change { title, is_public: None, is_favourite: favourite };
        if !images::change(&mut tx, user_id, id, &change).await? {
            return Err(PlatformError::NotFound("picture"));
        }
        tx.commit().await?;
        self.get(user_id, id).await
    }

    /// Throws a picture away. Doing it again changes nothing.
    pub async fn delete(&self, user_id: &str, id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let deleted = images::delete(&mut tx, user_id, id, self.context.now()).await?;
        tx.commit().await?;
        if !deleted && images::trashed_by_id(&self.context.db, user_id, id).await?.is_none() {
            return Err(PlatformError::NotFound("picture"));
        }
        Ok(())
    }

    /// Takes a picture back.
    pub async fn restore(&self, user_id: &str, id: &str) -> Result<Image, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let restored = images::restore(&mut tx, user_id, id).await?;
        tx.commit().await?;
        match self.get(user_id, id).await {
            Err(PlatformError::NotFound(_)) if !restored => Err(PlatformError::NotFound("picture in the trash")),
            got => got,
        }
    }

    /// Where the bytes of one of somebody's stored pictures are.
    pub async fn key_of(&self, user_id: &str, source: &Source) -> Result<String, PlatformError> {
        match source {
            Source::Image(id) => Ok(self.get(user_id, id).await?.storage_key),
            Source::Upload(id) => Ok(self.get_upload(user_id, id).await?.storage_key),
        }
    }

    /// Width and height of one of somebody's stored pictures.
    pub async fn size_of(&self, user_id: &str, source: &Source) -> Result<(i64, i64), PlatformError> {
        match source {
            Source::Image(id) => self.get(user_id, id).await.map(|image| (image.width, image.height)),
            Source::Upload(id) => self.get_upload(user_id, id).await.map(|upload| (upload.width, upload.height)),
        }
    }

    /// What one of somebody's stored pictures was to show; nothing is known of those that were sent.
    pub async fn described(&self, user_id: &str, source: &Source) -> Result<String, PlatformError> {
        match source {
            Source::Image(id) => Ok(self.get(user_id, id).await?.prompt),
            Source::Upload(_) => Ok(String::new()),
        }
    }
}

/// Whether it can be one; PostgreSQL cannot even look for what has a NUL in it.
fn is_id(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
