//! The files of pictures that are not one's own: of those everybody may see, and of the one that a link shows.
//!
//! Whether there is one is asked anew for every file, in the same words as for what is told of the picture: a private one, one in the trash and
//! one that a moderator hid are not there.

use easel_store::{
    images::{self, Image},
    moderation,
};

use super::{NO_PICTURE, Social};
use crate::{
    PlatformError,
    accounts::{Actor, Permission},
    texts,
};

/// Where the files of a picture are, for the server, and for nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownFiles {
    /// The picture's bytes.
    pub storage_key: String,
    /// Its small version's, in which nothing is written.
    pub thumbnail_key: Option<String>,
    /// SHA-256 of the picture's bytes in hexadecimal.
    pub sha256: String,
    /// What is written in the file about how it was made may be read, because its owner shows that.
    pub shows_prompt: bool,
}

impl From<Image> for ShownFiles {
    fn from(image: Image) -> Self {
        let Image { storage_key, thumbnail_key, sha256, shows_prompt, .. } = image;
        Self { storage_key, thumbnail_key, sha256, shows_prompt }
    }
}

impl Social {
    /// The files of a picture that everybody may see.
    pub async fn files(&self, viewer_id: Option<&str>, image_id: &str) -> Result<ShownFiles, PlatformError> {
        if !texts::are_names(&[image_id]) {
            return Err(NO_PICTURE);
        }
        let among = self.seen_by(viewer_id).await?;
        Ok(images::shown(&self.context.db, image_id, &among).await?.ok_or(NO_PICTURE)?.into())
    }

    /// The files of the picture that a link shows. Fetching them is not counted as looking.
    pub async fn shared_files(&self, token: &str) -> Result<ShownFiles, PlatformError> {
        Ok(self.shared(token).await?.0.into())
    }

    /// The files of the picture that a case is about, whoever may see it otherwise: for who decides.
    pub async fn files_of_case(&self, actor: &Actor, case_id: &str) -> Result<ShownFiles, PlatformError> {
        actor.require(Permission::ModerateImages.least_role())?;
        if !texts::are_names(&[case_id]) {
            return Err(NO_PICTURE);
        }
        let case = moderation::by_id(&self.context.db, case_id).await?;
        let case = case.filter(|case| case.target_kind == "image").ok_or(NO_PICTURE)?;
        if !self.division.judges(&self.context.db, actor, &case.owner_id).await? {
            return Err(NO_PICTURE);
        }
        Ok(images::by_id(&self.context.db, &case.target_id).await?.ok_or(NO_PICTURE)?.into())
    }
}
