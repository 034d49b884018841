//! Forgetting somebody, step by step, each step as often as needed.

use easel_blobs::Key;
use easel_store::{
    Timestamp, audit, erasures, idempotency, images,
    jobs::{self, JobState},
    sessions, uploads, users,
};

use super::Privacy;
use crate::{PlatformError, accounts::Actor, context::retry};

/// People and pictures looked at in one turn.
const TURN: i64 = 100;

impl Privacy {
    /// Notes that somebody wants to be forgotten. They cannot log in any more; the rest follows when the time to change one's mind is up.
    pub async fn request_erasure(&self, actor: &Actor, user_id: &str) -> Result<(), PlatformError> {
        retry!(self.request_once(actor, user_id))
    }

    async fn request_once(&self, actor: &Actor, user_id: &str) -> Result<(), PlatformError> {
        if actor.id() != user_id {
            actor.require(users::Role::Admin)?;
        }
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        if users::set_deleted(&mut tx, user_id, moment.now).await? {
            sessions::revoke_all(&mut tx, user_id, moment.now, "erasure").await?;
            erasures::insert(&mut tx, user_id, moment.now, moment.now.after(self.regret)).await?;
            audit::append(&mut tx, &moment, actor.record("user.erase", Some(("user", user_id)), "{}")).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Forgets everybody whose time is up. Returns how many were done; those whose jobs still run are done in a later turn.
    pub async fn erase_due(&self) -> Result<usize, PlatformError> {
        let mut done = 0;
        for erasure in erasures::due(&self.context.db, self.context.now(), TURN).await? {
            done += usize::from(self.erase(&erasure.user_id).await?);
        }
        Ok(done)
    }

    /// Forgets somebody at once who asked for it before a backup was restored. Whether they were still there.
    pub(crate) async fn forget(&self, user_id: &str, requested_at: Timestamp) -> Result<bool, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let there = users::lock(&mut tx, user_id).await?.is_some();
        users::set_deleted(&mut tx, user_id, self.context.now()).await?;
        erasures::insert(&mut tx, user_id, requested_at, requested_at).await?;
        tx.commit().await?;
        self.erase(user_id).await?;
        Ok(there)
    }

    /// All steps. Whether all are done.
    async fn erase(&self, user_id: &str) -> Result<bool, PlatformError> {
        if !self.end_jobs(user_id).await? {
            return Ok(false);
        }
        self.remove_images(user_id).await?;
        retry!(self.remove_rows(user_id))?;
        // What was overwritten in the database file is still in the log beside it.
        self.context.db.compact().await?;
        Ok(true)
    }

    /// Cancels what waits and asks what runs to stop. Whether nothing runs any more.
    async fn end_jobs(&self, user_id: &str) -> Result<bool, PlatformError> {
        let mut ended = true;
        for job_id in jobs::open_ids_of_user(&self.context.db, user_id).await? {
            ended &= self.jobs.cancel(user_id, &job_id).await? != JobState::Processing;
        }
        Ok(ended)
    }

    /// Files first, then what the rows say of them: a file whose row is gone would be found by nobody.
    async fn remove_images(&self, user_id: &str) -> Result<(), PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        images::delete_all(&mut tx, user_id, now).await?;
        tx.commit().await?;
        while self.purge_images(Some(user_id), now).await? > 0 {}
        self.remove_uploads(Some(user_id), Timestamp::MAX).await?;
        Ok(())
    }

    /// Removes what was sent before then, of one user or of all. Returns how many.
    pub async fn remove_uploads(&self, user_id: Option<&str>, before: Timestamp) -> Result<usize, PlatformError> {
        let mut removed = 0;
        loop {
            let old = uploads::older(&self.context.db, user_id, before, TURN).await?;
            for upload in &old {
                crate::images::remove(&self.context, &self.blobs, upload).await?;
            }
            removed += old.len();
            if old.is_empty() {
                return Ok(removed);
            }
        }
    }

    /// Removes the files of pictures that were thrown away before then, of one user or of all, at most a hundred. Returns how many.
    pub async fn purge_images(&self, user_id: Option<&str>, before: Timestamp) -> Result<usize, PlatformError> {
        let thrown_away = images::to_purge(&self.context.db, user_id, before, TURN).await?;
        for image in &thrown_away {
            for key in [Some(&image.storage_key), image.thumbnail_key.as_ref()].into_iter().flatten() {
                if let Ok(key) = key.parse::<Key>() {
                    self.blobs.delete(&key).await?;
                }
            }
            let mut tx = self.context.db.begin().await?;
            images::purged(&mut tx, &image.id, self.context.now()).await?;
            tx.commit().await?;
        }
        Ok(thrown_away.len())
    }

    async fn remove_rows(&self, user_id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        jobs::scrub(&mut tx, user_id).await?;
        idempotency::delete_of(&mut tx, user_id).await?;
        audit::destroy_salt(&mut tx, user_id).await?;
        users::delete(&mut tx, user_id).await?;
        erasures::finish(&mut tx, user_id, self.context.now()).await?;
        Ok(tx.commit().await?)
    }
}
