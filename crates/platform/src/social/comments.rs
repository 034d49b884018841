//! Comments: short, not too many, looked through, and removed by who wrote them, whose picture it is, or a moderator.

use std::time::Duration;

use easel_store::{
    Timestamp, audit,
    comments::{self, Comment},
    images,
    moderation::{self, Target},
    organizations::Among,
    users::{self, User},
};

use super::{NO_PICTURE, Social, change_sums, lock_shown};
use crate::{
    PlatformError,
    accounts::{Actor, Permission},
    context::retry,
    paging::{Page, Place, clamped},
    safety::Stage,
    texts,
};

const NO_COMMENT: PlatformError = PlatformError::NotFound("comment");

impl Social {
    /// Says something under a picture that everybody may see. What is flagged is shown, and a moderator is asked.
    ///
    /// # Errors
    /// [`PlatformError::Limit`] if they say too much, [`PlatformError::ContentBlocked`] if it is not taken.
    pub async fn comment(&self, user: &User, image_id: &str, body: &str) -> Result<Comment, PlatformError> {
        let body = texts::something("comment", body, self.settings.comment_length_max, true)?;
        let flagged = self.guard.check(&user.id, Stage::Comment, &body).await?;
        let among = self.seen_by(Some(&user.id)).await?;
        let id = retry!(self.comment_once(user, image_id, &among, &body, flagged.as_deref()))?;
        comments::by_id(&self.context.db, &id).await?.ok_or(NO_COMMENT)
    }

    async fn comment_once(
        &self,
        user: &User,
        image_id: &str,
        among: &Among,
        body: &str,
        flagged: Option<&str>,
    ) -> Result<String, PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        // The user's row makes their comments take turns, so that no two of them count the same limit.
        let user = users::lock(&mut tx, &user.id).await?.filter(|user| user.is_active);
        let user = user.ok_or(PlatformError::Forbidden("the account is not active"))?;
        for (span, what, max) in [
            (Duration::from_secs(60), "comments a minute", self.settings.comments_minute_max),
            (Duration::from_secs(24 * 3600), "comments a day", self.settings.comments_day_max),
        ] {
            if comments::count_since(&mut tx, &user.id, moment.now.before(span)).await? >= max {
                return Err(PlatformError::Limit { code: "too_many_comments", what, max });
            }
        }
        let image = lock_shown(&mut tx, image_id, among).await?;
        let id = comments::insert(&mut tx, &moment, image_id, &user.id, body).await?;
        change_sums(&mut tx, &image, 0, 1).await?;
        if let Some(category) = flagged {
            let target = Target { kind: "comment", id: &id, owner_id: &user.id };
            moderation::open(&mut tx, &moment, target, category).await?;
        }
        tx.commit().await?;
        Ok(id)
    }

    /// A page of the comments under a picture that everybody may see, newest first.
    pub async fn comments(
        &self,
        viewer_id: Option<&str>,
        image_id: &str,
        cursor: Option<&str>,
        limit: i64,
    ) -> Result<Page<Comment>, PlatformError> {
        let among = self.seen_by(viewer_id).await?;
        images::shown(&self.context.db, image_id, &among).await?.ok_or(NO_PICTURE)?;
        let place = Place::parse(cursor)?;
        let before = place.as_ref().map(|place| (Timestamp(place.at), place.id.as_str()));
        let limit = clamped(limit);
        let rows = comments::of_image(&self.context.db, image_id, &among, before, limit + 1).await?;
        Ok(Page::cut(rows, limit, |comment| Place::new(comment.created_at.0, &comment.id)))
    }

    /// Removes a comment: one's own, one under one's own picture, or any for a moderator, which is recorded.
    pub async fn delete_comment(&self, actor: &Actor, id: &str) -> Result<(), PlatformError> {
        retry!(self.delete_comment_once(actor, id))
    }

    async fn delete_comment_once(&self, actor: &Actor, id: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let comment = comments::by_id(&self.context.db, id).await?.ok_or(NO_COMMENT)?;
        let among = self.division.judged_by(&self.context.db, actor).await?;
        let mut tx = self.context.db.begin().await?;
        let image = images::lock(&mut tx, &comment.image_id).await?.ok_or(NO_COMMENT)?;
        let own = actor.id() == comment.user_id || actor.id() == image.user_id;
        if !own {
            if !among.has(image.organization_id.as_deref()) {
                return Err(NO_COMMENT);
            }
            actor.require(Permission::ModerateImages.least_role())?;
        }
        // It may have been hidden since it was read; what is counted is what is seen now that the picture is locked.
        let before = comments::count(&mut tx, &image.id).await?;
        if !comments::delete(&mut tx, id).await? {
            return Err(NO_COMMENT);
        }
        let after = comments::count(&mut tx, &image.id).await?;
        change_sums(&mut tx, &image, 0, after - before).await?;
        moderation::close_of(&mut tx, "comment", id, moment.now).await?;
        if !own {
            audit::append(&mut tx, &moment, actor.record("comment.delete", Some(("comment", id)), "{}")).await?;
        }
        Ok(tx.commit().await?)
    }
}
