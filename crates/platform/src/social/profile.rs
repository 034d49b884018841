//! How somebody shows themselves: a name, a few words, a picture, and what they show of their work.

use easel_store::{
    follows,
    organizations::Among,
    profiles::{self, Profile},
    public,
};
use serde::Serialize;

use super::Social;
use crate::{PlatformError, safety::Stage, texts};

/// Somebody's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicProfile {
    /// Who.
    #[serde(flatten)]
    pub profile: Profile,
    /// How many pictures they show.
    pub image_count: i64,
    /// Whether the one who asks follows them.
    pub is_followed: bool,
}

impl Social {
    /// Somebody's page. Who may not log in, or asked to be forgotten, has none.
    pub async fn profile(&self, viewer_id: Option<&str>, username: &str) -> Result<PublicProfile, PlatformError> {
        let among = self.seen_by(viewer_id).await?;
        let profile = self.author(&among, username).await?;
        let is_followed = match viewer_id {
            Some(viewer) => follows::exists(&self.context.db, viewer, &profile.id).await?,
            None => false,
        };
        let image_count = public::count_of_user(&self.context.db, &profile.id).await?;
        Ok(PublicProfile { profile, image_count, is_followed })
    }

    pub(super) async fn author(&self, among: &Among, username: &str) -> Result<Profile, PlatformError> {
        let none = PlatformError::NotFound("user");
        if username.contains('\0') {
            return Err(none);
        }
        profiles::by_username(&self.context.db, username, among).await?.ok_or(none)
    }

    /// A few words about oneself; none, if they are empty.
    pub async fn set_bio(&self, user_id: &str, bio: &str) -> Result<(), PlatformError> {
        let bio = texts::clean("bio", bio, 500, true)?;
        self.guard.check(user_id, Stage::Profile, &bio).await?;
        let mut tx = self.context.db.begin().await?;
        let bio = Some(bio.as_str()).filter(|bio| !bio.is_empty());
        if !profiles::set_bio(&mut tx, user_id, self.context.now(), bio).await? {
            return Err(PlatformError::NotFound("user"));
        }
        Ok(tx.commit().await?)
    }
}
