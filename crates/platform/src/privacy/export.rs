//! Everything there is about somebody, as one JSON document and their pictures.

use std::path::Path;

use easel_blobs::{BlobError, Key};
use easel_store::{
    Timestamp, albums, api_configs, api_keys, awaited_uploads, client_settings, comments, consents, follows,
    gallery::{self, Filter},
    identities,
    images::Image,
    jobs,
    ledger::{self, Page},
    likes, moderation,
    organizations::Among,
    profiles, provider_consents, purchases, reports, sessions, shares, strikes, subscriptions, tags, trash, uploads, usage,
    user_limits, users, webhooks,
};
use serde_json::{Value as Json, json};

use super::Privacy;
use crate::PlatformError;

/// Rows read at a time.
const PAGE: i64 = 200;
/// No picture is larger.
const BYTES_MAX: u64 = 1 << 30;

/// All pages of a list: `$page` gets the last row so far and gives the next ones.
macro_rules! pages {
    (|$last:ident: Option<&$row:ty>| $page:expr) => {{
        let mut all: Vec<$row> = Vec::new();
        loop {
            let next = {
                let $last: Option<&$row> = all.last();
                $page.await?
            };
            if next.is_empty() {
                break all;
            }
            all.extend(next);
        }
    }};
}

impl Privacy {
    /// Everything the database has about somebody. Hashes of secrets are left out: they are of no use to anybody.
    pub async fn document(&self, user_id: &str) -> Result<Json, PlatformError> {
        let db = &self.context.db;
        let user = users::by_id(db, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        // What is theirs is theirs, wherever the others are now.
        let everybody = Among::Everybody;
        let mut albums_shown = Vec::new();
        for album in albums::of_user(db, user_id).await? {
            albums_shown.push(json!({ "images": self.album_images(user_id, &album.id).await?, "album": album }));
        }
        let mut images_shown = Vec::new();
        for image in self.all_images(user_id).await? {
            images_shown.push(json!({ "tags": tags::of_image(db, &image.id).await?, "image": image }));
        }
        Ok(json!({
            "exported_at": self.context.now(),
            "user": user,
            "profile": profiles::by_id(db, user_id).await?,
            "sessions": sessions::of_user(db, user_id, self.context.now()).await?,
            "api_keys": api_keys::of_user(db, user_id).await?,
            "identities": identities::of_user(db, user_id).await?,
            "webhooks": webhooks::of_user(db, user_id).await?,
            "api_configs": api_configs::of_user(db, user_id).await?,
            "consents": consents::of_user(db, user_id).await?,
            "client_settings": client_settings::of_user(db, user_id).await?,
            "limits": user_limits::of_user(db, user_id).await?,
            "external": provider_consents::of_user(db, user_id).await?,
            "balance": ledger::balance(db, user_id).await?,
            "transfers": self.transfers(user_id).await?,
            "subscriptions": subscriptions::of_user(db, user_id).await?,
            "purchases": purchases::list(db, Some(user_id), None, None, i64::MAX).await?,
            "usage": usage::of_user(db, user_id, i64::MIN, i64::MAX).await?,
            "jobs": self.all_jobs(user_id).await?,
            "images": images_shown,
            "uploads": uploads::of_user(db, user_id, i64::MAX).await?,
            "awaited_uploads": awaited_uploads::of_user(db, user_id).await?,
            "albums": albums_shown,
            "likes": self.likes(user_id).await?,
            "comments": pages!(|last: Option<&comments::Comment>| {
                let after = last.map(|last| (last.created_at, last.id.as_str()));
                comments::of_user(db, user_id, after, PAGE)
            }),
            "following": pages!(|last: Option<&follows::Followed>| {
                follows::of_user(db, user_id, &everybody, last.map_or("", |last| last.user_id.as_str()), PAGE)
            }),
            "followers": pages!(|last: Option<&follows::Followed>| {
                let before = last.map(|last| (last.created_at, last.user_id.as_str()));
                follows::followers(db, user_id, &everybody, before, PAGE)
            }),
            "links": shares::of_user(db, user_id, None, i64::MAX).await?,
            "reports": pages!(|last: Option<&reports::Report>| {
                let after = last.map(|last| (last.created_at, last.id.as_str()));
                reports::of_user(db, user_id, after, PAGE)
            }),
            "moderation": self.cases(user_id).await?,
            "findings": pages!(|last: Option<&strikes::Found>| {
                let before = last.map(|last| (last.at, last.id.as_str()));
                strikes::of_user(db, user_id, before, PAGE)
            }),
        }))
    }

    /// Writes `data.json` and the pictures, drawn and sent, into an empty or new folder. Returns the number of pictures.
    pub async fn export(&self, user_id: &str, to: &Path) -> Result<usize, PlatformError> {
        let document = self.document(user_id).await?;
        tokio::fs::create_dir_all(to).await?;
        let text = serde_json::to_vec_pretty(&document).map_err(|error| PlatformError::Settings(error.to_string()))?;
        tokio::fs::write(to.join("data.json"), text).await?;
        let drawn = self.all_images(user_id).await?;
        let sent = uploads::of_user(&self.context.db, user_id, i64::MAX).await?;
        let drawn = drawn.iter().map(|image| (image.id.as_str(), image.storage_key.as_str()));
        let sent = sent.iter().map(|upload| (upload.id.as_str(), upload.storage_key.as_str()));
        let profile = profiles::by_id(&self.context.db, user_id).await?;
        let avatar = profile.as_ref().and_then(|profile| profile.avatar_key.as_deref()).map(|key| ("avatar", key));
        Ok(self.write_files(&to.join("images"), drawn).await?
            + self.write_files(&to.join("uploads"), sent).await?
            + self.write_files(to, avatar.into_iter()).await?)
    }

    /// Writes files, given as names and keys, into a folder. Returns how many.
    async fn write_files(&self, folder: &Path, files: impl Iterator<Item = (&str, &str)> + Send) -> Result<usize, PlatformError> {
        tokio::fs::create_dir_all(folder).await?;
        let mut written = 0;
        for (id, key) in files {
            let Ok(key) = key.parse::<Key>() else { continue };
            match self.blobs.read_all(&key, BYTES_MAX).await {
                Ok(bytes) => {
                    tokio::fs::write(folder.join(format!("{id}.{}", key.kind().extension())), bytes).await?;
                    written += 1;
                }
                // What is lost is for `fsck` to say; it must not keep people from the rest.
                Err(BlobError::NotFound) => tracing::warn!(picture = id, "a picture has no file"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(written)
    }

    /// Those in the trash too.
    async fn all_images(&self, user_id: &str) -> Result<Vec<Image>, PlatformError> {
        let db = &self.context.db;
        let mut all: Vec<Image> = Vec::new();
        loop {
            let before = all.last().map(|image| (image.created_at, image.id.clone()));
            let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
            let page = gallery::list(db, user_id, &Filter { before, ..Filter::default() }, PAGE).await?;
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        let thrown_away: Vec<Image> = pages!(|last: Option<&Image>| {
            let before = last.map(|last| (last.deleted_at.unwrap_or_default(), last.id.as_str()));
            trash::list(db, user_id, before, PAGE)
        });
        all.extend(thrown_away);
        Ok(all)
    }

    async fn album_images(&self, user_id: &str, album_id: &str) -> Result<Vec<String>, PlatformError> {
        let db = &self.context.db;
        let placed: Vec<albums::Placed> = pages!(|last: Option<&albums::Placed>| {
            let after = last.map(|last| (last.position, last.image.id.as_str()));
            albums::pictures(db, user_id, album_id, after, PAGE)
        });
        Ok(placed.into_iter().map(|placed| placed.image.id).collect())
    }

    async fn likes(&self, user_id: &str) -> Result<Vec<Json>, PlatformError> {
        let db = &self.context.db;
        let liked: Vec<(String, Timestamp)> = pages!(|last: Option<&(String, Timestamp)>| {
            likes::ids_of_user(db, user_id, last.map_or("", |(id, _)| id.as_str()), PAGE)
        });
        Ok(liked.into_iter().map(|(image_id, at)| json!({ "image_id": image_id, "at": at })).collect())
    }

    /// What was decided about them: not who did, which is somebody else's.
    async fn cases(&self, user_id: &str) -> Result<Vec<moderation::Case>, PlatformError> {
        let db = &self.context.db;
        let cases: Vec<moderation::Case> = pages!(|last: Option<&moderation::Case>| {
            let before = last.map(|last| (last.opened_at, last.id.as_str()));
            moderation::of_owner(db, user_id, before, PAGE)
        });
        Ok(cases.into_iter().map(|case| moderation::Case { decided_by: None, ..case }).collect())
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
