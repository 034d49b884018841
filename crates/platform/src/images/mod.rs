//! A person's own pictures, for jobs to start from and for their bytes; and the ones they send. What is done with them otherwise is `gallery`'s.
//!
//! A picture that is somebody else's is not there. Of what is sent nothing is kept but its pixels (`upload.rs`).

mod avatar;
mod presign;
mod upload;

use std::sync::Arc;

use easel_blobs::Blobs;
use easel_store::images::{self, Image};

use crate::{Context, PlatformError, orders::Source, organizations::Division, plans::Catalogue, safety::Guard};

pub use avatar::AVATAR_SIDES;
pub(crate) use avatar::Elsewhere;
pub use presign::{Expected, Presigned};
pub(crate) use presign::{remove as remove_awaited, time_of};
pub use upload::UploadLimits;
pub(crate) use upload::{random_key, remove};

/// Somebody's own pictures. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Images {
    context: Context,
    catalogue: Arc<Catalogue>,
    blobs: Blobs,
    limits: UploadLimits,
    division: Division,
    guard: Option<Guard>,
}

impl Images {
    /// Over this database and these bytes.
    pub fn new(context: Context, catalogue: Catalogue, blobs: Blobs, limits: UploadLimits) -> Self {
        Self { context, catalogue: Arc::new(catalogue), blobs, limits, division: Division::default(), guard: None }
    }

    /// People see one another within their organisation, and nobody else, if it is on.
    #[must_use]
    pub fn with_multi_tenant(self, on: bool) -> Self {
        Self { division: Division(on), ..self }
    }

    /// With somebody who may look at what is sent before it is kept.
    #[must_use]
    pub fn with_guard(self, guard: Guard) -> Self {
        Self { guard: Some(guard), ..self }
    }

    /// One of somebody's pictures that is not thrown away.
    pub async fn get(&self, user_id: &str, id: &str) -> Result<Image, PlatformError> {
        if !is_id(id) {
            return Err(PlatformError::NotFound("picture"));
        }
        let image = images::by_id(&self.context.db, id).await?;
        image.filter(|image| image.user_id == user_id).ok_or(PlatformError::NotFound("picture"))
    }

    /// The pictures of one of somebody's jobs that are not thrown away, in order.
    pub async fn of_job(&self, user_id: &str, job_id: &str) -> Result<Vec<Image>, PlatformError> {
        let mut found = images::of_job(&self.context.db, job_id).await?;
        found.retain(|image| image.user_id == user_id && image.deleted_at.is_none());
        Ok(found)
    }

    /// The pictures of some of somebody's jobs that are not thrown away, each job's in order.
    pub async fn of_jobs(&self, user_id: &str, job_ids: &[&str]) -> Result<Vec<Image>, PlatformError> {
        let mut found = images::of_jobs(&self.context.db, job_ids).await?;
        found.retain(|image| image.user_id == user_id && image.deleted_at.is_none());
        Ok(found)
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
