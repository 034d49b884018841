//! Follows: whose pictures somebody wants to see.

use easel_store::{
    Timestamp,
    follows::{self, Followed},
    users,
};

use super::{List, PublicImage, Social};
use crate::{
    PlatformError,
    context::retry,
    paging::{Page, Place, clamped},
};

impl Social {
    /// Follows somebody. Doing it again changes nothing.
    pub async fn follow(&self, user_id: &str, username: &str) -> Result<(), PlatformError> {
        let among = self.seen_by(Some(user_id)).await?;
        let followed = self.author(&among, username).await?.id;
        if followed == user_id {
            return Err(PlatformError::Invalid { field: "user name", problem: "is one's own" });
        }
        retry!(self.follow_once(user_id, &followed))
    }

    async fn follow_once(&self, user_id: &str, followed: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        // Both rows are changed: locked in the order of their names, so that two who follow one another do not wait for each other.
        let (first, second) = if user_id < followed { (user_id, followed) } else { (followed, user_id) };
        users::lock(&mut tx, first).await?.ok_or(PlatformError::NotFound("user"))?;
        users::lock(&mut tx, second).await?.ok_or(PlatformError::NotFound("user"))?;
        if follows::insert(&mut tx, user_id, followed, self.context.now()).await? {
            let max = self.settings.follows_max;
            if follows::count_of(&mut tx, user_id).await? > max {
                return Err(PlatformError::Limit { code: "too_many_follows", what: "people to follow", max });
            }
        }
        Ok(tx.commit().await?)
    }

    /// Follows somebody no longer, whoever they have become.
    pub async fn unfollow(&self, user_id: &str, username: &str) -> Result<(), PlatformError> {
        let followed = users::by_username(&self.context.db, username).await?.ok_or(PlatformError::NotFound("user"))?;
        let ended = retry!(self.unfollow_once(user_id, &followed.id))?;
        // Whom they cannot see they are told of only if they did follow them.
        if !ended && !self.seen_by(Some(user_id)).await?.has(followed.organization_id.as_deref()) {
            return Err(PlatformError::NotFound("user"));
        }
        Ok(())
    }

    async fn unfollow_once(&self, user_id: &str, followed: &str) -> Result<bool, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let ended = follows::delete(&mut tx, user_id, followed).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// A page of the people somebody follows.
    pub async fn following(&self, user_id: &str, cursor: Option<&str>, limit: i64) -> Result<Page<Followed>, PlatformError> {
        let place = Place::parse(cursor)?;
        let limit = clamped(limit);
        let after = place.as_ref().map_or("", |place| place.id.as_str());
        let among = self.seen_by(Some(user_id)).await?;
        let rows = follows::of_user(&self.context.db, user_id, &among, after, limit + 1).await?;
        Ok(Page::cut(rows, limit, |followed| Place::new(0, &followed.user_id)))
    }

    /// A page of the people who follow somebody, last first.
    pub async fn followers(&self, user_id: &str, cursor: Option<&str>, limit: i64) -> Result<Page<Followed>, PlatformError> {
        let place = Place::parse(cursor)?;
        let before = place.as_ref().map(|place| (Timestamp(place.at), place.id.as_str()));
        let limit = clamped(limit);
        let among = self.seen_by(Some(user_id)).await?;
        let rows = follows::followers(&self.context.db, user_id, &among, before, limit + 1).await?;
        Ok(Page::cut(rows, limit, |follower| Place::new(follower.created_at.0, &follower.user_id)))
    }

    /// A page of the pictures of the people somebody follows, last published first.
    pub async fn feed(&self, user_id: &str, cursor: Option<&str>, limit: i64) -> Result<Page<PublicImage>, PlatformError> {
        self.list(Some(user_id), List::FollowedBy(user_id), cursor, limit).await
    }
}
