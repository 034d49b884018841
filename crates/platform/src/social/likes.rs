//! Likes: each person likes a picture once.

use easel_store::{Timestamp, images, likes, organizations::Among};

use super::{NO_PICTURE, PublicImage, Social, change_sums, lock_shown};
use crate::{
    PlatformError,
    context::retry,
    paging::{Page, Place, clamped},
};

impl Social {
    /// Likes a picture that everybody may see. Doing it again changes nothing. How many like it now.
    pub async fn like(&self, user_id: &str, image_id: &str) -> Result<i64, PlatformError> {
        let among = self.seen_by(Some(user_id)).await?;
        retry!(self.like_once(user_id, image_id, &among))
    }

    async fn like_once(&self, user_id: &str, image_id: &str, among: &Among) -> Result<i64, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let image = lock_shown(&mut tx, image_id, among).await?;
        if !likes::insert(&mut tx, image_id, user_id, self.context.now()).await? {
            return Ok(image.like_count);
        }
        let (likes, _) = change_sums(&mut tx, &image, 1, 0).await?;
        tx.commit().await?;
        Ok(likes)
    }

    /// Likes a picture no longer, whether or not it can still be seen. How many like it now.
    pub async fn unlike(&self, user_id: &str, image_id: &str) -> Result<i64, PlatformError> {
        let among = self.seen_by(Some(user_id)).await?;
        retry!(self.unlike_once(user_id, image_id, &among))
    }

    async fn unlike_once(&self, user_id: &str, image_id: &str, among: &Among) -> Result<i64, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let image = images::lock(&mut tx, image_id).await?.ok_or(NO_PICTURE)?;
        let shown = image.is_shown() && among.has(image.organization_id.as_deref());
        if !likes::delete(&mut tx, image_id, user_id).await? {
            return if shown { Ok(image.like_count) } else { Err(NO_PICTURE) };
        }
        let (likes, _) = change_sums(&mut tx, &image, -1, 0).await?;
        tx.commit().await?;
        Ok(likes)
    }

    /// A page of the pictures somebody likes, last liked first.
    pub async fn liked(&self, user_id: &str, cursor: Option<&str>, limit: i64) -> Result<Page<PublicImage>, PlatformError> {
        let place = Place::parse(cursor)?;
        let before = place.as_ref().map(|place| (Timestamp(place.at), place.id.as_str()));
        let limit = clamped(limit);
        let among = self.seen_by(Some(user_id)).await?;
        let rows = likes::of_user(&self.context.db, user_id, &among, before, limit + 1).await?;
        let page = Page::cut(rows, limit, |liked| Place::new(liked.liked_at.0, &liked.image.id));
        self.shown(Some(user_id), page.map(|liked| liked.image)).await
    }
}
