//! Forgetting somebody, step by step, each step as often as needed.

use easel_blobs::Key;
use easel_store::{
    Timestamp, audit, awaited_uploads, comments, erasures, follows, idempotency, images,
    jobs::{self, JobState},
    likes, moderation,
    organizations::Among,
    profiles, purchases, sessions, trash, uploads, users,
};

use super::Privacy;
use crate::{PlatformError, accounts::Actor, context::retry, social::change_sums};

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
            images::withdraw_all(&mut tx, user_id).await?;
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
        self.remove_from_others(user_id).await?;
        self.remove_avatar(user_id).await?;
        self.remove_exports_of(user_id).await?;
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
        trash::throw_away_all(&mut tx, user_id, now).await?;
        tx.commit().await?;
        while self.purge_images(Some(user_id), now).await? > 0 {}
        self.remove_uploads(Some(user_id), Timestamp::MAX).await?;
        self.remove_awaited(Some(user_id), Timestamp::MAX).await?;
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

    /// Removes what was to be sent since before then and nobody asked for, of one user or of all. Returns how many.
    pub async fn remove_awaited(&self, user_id: Option<&str>, before: Timestamp) -> Result<usize, PlatformError> {
        let mut removed = 0;
        loop {
            let old = awaited_uploads::older(&self.context.db, user_id, before, TURN).await?;
            for awaited in &old {
                crate::images::remove_awaited(&self.context, &self.blobs, awaited).await?;
            }
            removed += old.len();
            if old.is_empty() {
                return Ok(removed);
            }
        }
    }

    /// Removes the files of pictures whose time in the trash was up by then, of one user or of all, at most a hundred. Returns how many.
    pub async fn purge_images(&self, user_id: Option<&str>, by: Timestamp) -> Result<usize, PlatformError> {
        let thrown_away = trash::to_purge(&self.context.db, user_id, by, TURN).await?;
        for image in &thrown_away {
            for key in [Some(&image.storage_key), image.thumbnail_key.as_ref()].into_iter().flatten() {
                if let Ok(key) = key.parse::<Key>() {
                    self.blobs.delete(&key).await?;
                }
            }
            let mut tx = self.context.db.begin().await?;
            trash::purged(&mut tx, &image.id, self.context.now()).await?;
            moderation::close_of(&mut tx, "image", &image.id, self.context.now()).await?;
            tx.commit().await?;
        }
        Ok(thrown_away.len())
    }

    /// What they did to others' pictures and to others: the sums that others keep of it change with it.
    async fn remove_from_others(&self, user_id: &str) -> Result<(), PlatformError> {
        let db = &self.context.db;
        loop {
            let liked = likes::ids_of_user(db, user_id, "", TURN).await?;
            for (image_id, _) in &liked {
                retry!(self.unlike(user_id, image_id))?;
            }
            if liked.is_empty() {
                break;
            }
        }
        loop {
            let said = comments::of_user(db, user_id, None, TURN).await?;
            for comment in &said {
                retry!(self.unsay(&comment.image_id, &comment.id))?;
            }
            if said.is_empty() {
                break;
            }
        }
        loop {
            let followed = follows::of_user(db, user_id, &Among::Everybody, "", TURN).await?;
            let followers = follows::followers(db, user_id, &Among::Everybody, None, TURN).await?;
            let pairs = followed.iter().map(|other| (user_id, other.user_id.as_str()));
            let pairs: Vec<_> = pairs.chain(followers.iter().map(|other| (other.user_id.as_str(), user_id))).collect();
            for (follower, followed) in &pairs {
                let mut tx = self.context.db.begin().await?;
                follows::delete(&mut tx, follower, followed).await?;
                tx.commit().await?;
            }
            if pairs.is_empty() {
                return Ok(());
            }
        }
    }

    async fn unlike(&self, user_id: &str, image_id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let image = images::lock(&mut tx, image_id).await?;
        if likes::delete(&mut tx, image_id, user_id).await?
            && let Some(image) = image
        {
            change_sums(&mut tx, &image, -1, 0).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn unsay(&self, image_id: &str, comment_id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let image = images::lock(&mut tx, image_id).await?;
        let before = comments::count(&mut tx, image_id).await?;
        comments::delete(&mut tx, comment_id).await?;
        let after = comments::count(&mut tx, image_id).await?;
        if let Some(image) = image {
            change_sums(&mut tx, &image, 0, after - before).await?;
        }
        moderation::close_of(&mut tx, "comment", comment_id, self.context.now()).await?;
        Ok(tx.commit().await?)
    }

    /// The file first, as with pictures.
    async fn remove_avatar(&self, user_id: &str) -> Result<(), PlatformError> {
        let profile = profiles::by_id(&self.context.db, user_id).await?;
        if let Some(Ok(key)) = profile.and_then(|profile| profile.avatar_key).map(|key| key.parse::<Key>()) {
            self.blobs.delete(&key).await?;
        }
        Ok(())
    }

    async fn remove_rows(&self, user_id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        jobs::scrub(&mut tx, user_id).await?;
        idempotency::delete_of(&mut tx, user_id).await?;
        audit::destroy_salt(&mut tx, user_id).await?;
        purchases::scrub(&mut tx, user_id).await?;
        moderation::scrub(&mut tx, user_id, self.context.now()).await?;
        users::delete(&mut tx, user_id).await?;
        erasures::finish(&mut tx, user_id, self.context.now()).await?;
        Ok(tx.commit().await?)
    }
}
