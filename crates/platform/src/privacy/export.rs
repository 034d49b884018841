//! Everything there is about somebody, as one JSON document and their pictures.

use std::path::Path;

use easel_blobs::{BlobError, Key};
use easel_store::{
    albums, api_keys,
    images::{self, Filter, Image},
    jobs,
    ledger::{self, Page},
    sessions, uploads, usage, users,
};
use serde_json::{Value as Json, json};

use super::Privacy;
use crate::PlatformError;

/// Rows read at a time.
const PAGE: i64 = 200;
/// No picture is larger.
const BYTES_MAX: u64 = 1 << 30;

impl Privacy {
    /// Everything the database has about somebody. Hashes of secrets are left out: they are of no use to anybody.
    pub async fn document(&self, user_id: &str) -> Result<Json, PlatformError> {
        let db = &self.context.db;
        let user = users::by_id(db, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        let mut albums_shown = Vec::new();
        for album in albums::of_user(db, user_id).await? {
            let filter = Filter { user_id: Some(user_id), album_id: Some(&album.id), ..Filter::default() };
            let images: Vec<String> = self.images(&filter).await?.into_iter().map(|image| image.id).collect();
            albums_shown.push(json!({ "album": album, "images": images }));
        }
        let mut images_shown = Vec::new();
        for image in self.images(&Filter { user_id: Some(user_id), ..Filter::default() }).await? {
            images_shown.push(json!({ "tags": albums::tags(db, &image.id).await?, "image": image }));
        }
        Ok(json!({
            "exported_at": self.context.now(),
            "user": user,
            "sessions": sessions::of_user(db, user_id, self.context.now()).await?,
            "api_keys": api_keys::of_user(db, user_id).await?,
            "balance": ledger::balance(db, user_id).await?,
            "transfers": self.transfers(user_id).await?,
            "usage": usage::of_user(db, user_id, i64::MIN, i64::MAX).await?,
            "jobs": self.all_jobs(user_id).await?,
            "images": images_shown,
            "uploads": uploads::of_user(db, user_id, i64::MAX).await?,
            "albums": albums_shown,
        }))
    }

    /// Writes `data.json` and the pictures into an empty or new folder. Returns the number of pictures.
    pub async fn export(&self, user_id: &str, to: &Path) -> Result<usize, PlatformError> {
        let document = self.document(user_id).await?;
        let folder = to.join("images");
        tokio::fs::create_dir_all(&folder).await?;
        let text = serde_json::to_vec_pretty(&document).map_err(|error| PlatformError::Settings(error.to_string()))?;
        tokio::fs::write(to.join("data.json"), text).await?;
        let mut written = 0;
        for image in self.images(&Filter { user_id: Some(user_id), ..Filter::default() }).await? {
            let Ok(key) = image.storage_key.parse::<Key>() else { continue };
            match self.blobs.read_all(&key, BYTES_MAX).await {
                Ok(bytes) => {
                    tokio::fs::write(folder.join(format!("{}.{}", image.id, key.kind().extension())), bytes).await?;
                    written += 1;
                }
                // What is lost is for `fsck` to say; it must not keep people from the rest.
                Err(BlobError::NotFound) => tracing::warn!(image = image.id, "a picture has no file"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(written)
    }

    async fn images(&self, filter: &Filter<'_>) -> Result<Vec<Image>, PlatformError> {
        let mut all: Vec<Image> = Vec::new();
        loop {
            let before = all.last().map(|image| (image.created_at, image.id.clone()));
            let filter = Filter { before: before.as_ref().map(|(at, id)| (*at, id.as_str())), ..filter.clone() };
            let page = images::list(&self.context.db, &filter, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    async fn transfers(&self, user_id: &str) -> Result<Vec<ledger::Transfer>, PlatformError> {
        let mut all: Vec<ledger::Transfer> = Vec::new();
        loop {
            let before = all.last().map(|transfer| (transfer.created_at, transfer.id.clone()));
            let page = ledger::history(&self.context.db, user_id, &Page { before, limit: PAGE }).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    async fn all_jobs(&self, user_id: &str) -> Result<Vec<jobs::Job>, PlatformError> {
        let mut all: Vec<jobs::Job> = Vec::new();
        loop {
            let before = all.last().map(|job| (job.created_at, job.id.as_str()));
            let page = jobs::of_user(&self.context.db, user_id, before, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }
}
