//! Links to one picture for people without an account: 256 random bits that are shown once, of which only the hash is kept. They end when their
//! time is up, when they are revoked, when the picture goes or is hidden, and when its owner is suspended. A link shows one picture without
//! what its owner keeps to themselves, whatever else is asked with it.

use std::time::Duration;

use easel_store::{
    images::{self, Image},
    shares::{self, Share},
    users,
};

use super::{NO_PICTURE, PublicImage, Social, public::public_image};
use crate::{
    PlatformError,
    accounts::{token, token_hash},
    context::retry,
    gallery::noted,
    texts,
    worker::UNSEEN,
};

/// A link that was just made; this is the only time it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownShare {
    /// The link's row.
    pub share: Share,
    /// What opens it: `is_…`.
    pub token: String,
}

/// What a link shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The picture.
    pub image: PublicImage,
    /// The link.
    pub share: Share,
}

impl Social {
    /// A link to one of a user's pictures, good for so long.
    pub async fn share(
        &self,
        user_id: &str,
        image_id: &str,
        ttl: Option<Duration>,
        shows_prompt: bool,
    ) -> Result<ShownShare, PlatformError> {
        let invalid = PlatformError::Invalid { field: "life of a link", problem: "is not what this server allows" };
        let allowed = match (ttl, self.settings.share_ttl_max) {
            (Some(ttl), max) => !ttl.is_zero() && max.is_none_or(|max| ttl <= max),
            (None, max) => max.is_none(),
        };
        if allowed { retry!(self.share_once(user_id, image_id, ttl, shows_prompt)) } else { Err(invalid) }
    }

    async fn share_once(
        &self,
        user_id: &str,
        image_id: &str,
        ttl: Option<Duration>,
        shows_prompt: bool,
    ) -> Result<ShownShare, PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let image = images::lock(&mut tx, image_id).await?;
        let image = image.filter(|image| image.user_id == user_id && image.deleted_at.is_none()).ok_or(NO_PICTURE)?;
        if image.hidden_at.is_some() {
            return Err(PlatformError::Forbidden("a moderator hid the picture"));
        }
        // What nobody has looked at is its owner's alone.
        if self.guard.looks_at_pictures() && noted(&image, UNSEEN).is_some() {
            return Err(PlatformError::Forbidden("nobody has looked at the picture"));
        }
        let max = self.settings.shares_max;
        if shares::count(&mut tx, image_id, moment.now).await? >= max {
            return Err(PlatformError::Limit { code: "too_many_links", what: "links to a picture", max });
        }
        let (token, hash) = token(&*self.context.secrets, "is");
        let share = Share {
            id: moment.id(),
            image_id: image_id.to_owned(),
            user_id: user_id.to_owned(),
            shows_prompt,
            created_at: moment.now,
            expires_at: ttl.map(|ttl| moment.now.after(ttl)),
            revoked_at: None,
            view_count: 0,
        };
        shares::insert(&mut tx, &share, &hash).await?;
        tx.commit().await?;
        Ok(ShownShare { share, token })
    }

    /// A user's links, to one picture or to all, newest first, at most 500.
    pub async fn shares(&self, user_id: &str, image_id: Option<&str>) -> Result<Vec<Share>, PlatformError> {
        if image_id.is_some_and(|id| !texts::are_names(&[id])) {
            return Err(NO_PICTURE);
        }
        Ok(shares::of_user(&self.context.db, user_id, image_id, 500).await?)
    }

    /// Ends one of a user's links. Doing it again changes nothing.
    pub async fn revoke_share(&self, user_id: &str, share_id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        if !shares::revoke(&mut tx, user_id, share_id, self.context.now()).await?
            && !self.shares(user_id, None).await?.iter().any(|share| share.id == share_id)
        {
            return Err(PlatformError::NotFound("link"));
        }
        Ok(tx.commit().await?)
    }

    /// What a link shows. Looking is counted as it is for public pictures.
    pub async fn open_share(&self, token: &str, looker: &str) -> Result<Opened, PlatformError> {
        let (image, username, share) = self.shared(token).await?;
        self.views.opened(&share.id, looker);
        Ok(Opened { image: public_image(image, username, false), share })
    }

    /// The picture a link shows, with what the link shows of it, and whose it is.
    pub(super) async fn shared(&self, token: &str) -> Result<(Image, String, Share), PlatformError> {
        let gone = || PlatformError::NotFound("link");
        let share = shares::by_hash(&self.context.db, &token_hash(token), self.context.now()).await?.ok_or_else(gone)?;
        let image = images::by_id(&self.context.db, &share.image_id).await?;
        let image = image.filter(|image| image.hidden_at.is_none()).ok_or_else(gone)?;
        let author = users::by_id(&self.context.db, &image.user_id).await?;
        let author = author.filter(|author| author.is_active && author.deleted_at.is_none()).ok_or_else(gone)?;
        Ok((Image { shows_prompt: share.shows_prompt, ..image }, author.username, share))
    }
}
