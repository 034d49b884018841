//! A person's own pictures.
//!
//! | rule | file |
//! |---|---|
//! | finding them: filters, words, pages | `find.rs` |
//! | what is done to one is done to many in the same way | `actions.rs` |
//! | showing them to everybody, if nothing speaks against it | `publish.rs` |
//! | albums | `albums.rs` |
//! | what is stored, and how much may be | `storage.rs` |
//! | drawing the like again | `template.rs` |
//!
//! Others' pictures are not found, whatever is asked about them.

mod actions;
mod albums;
mod find;
mod publish;
mod storage;
mod template;

use std::time::Duration;

use easel_store::{
    images::{self, Image},
    tags,
};

use crate::{Context, PlatformError, organizations::Division, plans::Catalogue, safety::Guard};

pub use actions::{Action, Applied};
pub use albums::{AlbumSize, Cover};
pub use find::Search;
pub(crate) use publish::noted;
pub use storage::Storage;
pub use template::Template;

/// Limits and times of galleries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long pictures stay in the trash.
    pub trash: Duration,
    /// Albums of one person.
    pub albums_max: i64,
    /// Pictures of one album.
    pub album_images_max: i64,
    /// Tags of one picture.
    pub tags_max: i64,
    /// A picture that is published again within this time keeps its place among recent ones.
    pub republish_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self { trash: DAY * 30, albums_max: 1000, album_images_max: 10_000, tags_max: 20, republish_after: DAY }
    }
}

/// The galleries. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gallery {
    context: Context,
    catalogue: Catalogue,
    guard: Guard,
    settings: Settings,
    division: Division,
}

impl Gallery {
    /// Over this database, with these plans.
    pub fn new(context: Context, catalogue: Catalogue, guard: Guard, settings: Settings) -> Self {
        Self { context, catalogue, guard, settings, division: Division::default() }
    }

    /// People see one another within their organisation, and nobody else, if it is on.
    #[must_use]
    pub fn with_multi_tenant(self, on: bool) -> Self {
        Self { division: Division(on), ..self }
    }

    /// One of a user's pictures that is not in the trash.
    pub async fn get(&self, user_id: &str, id: &str) -> Result<Image, PlatformError> {
        let image = images::by_id(&self.context.db, id).await?;
        image.filter(|image| image.user_id == user_id).ok_or(NOT_FOUND)
    }

    /// The tags of one of a user's pictures.
    pub async fn tags_of(&self, user_id: &str, id: &str) -> Result<Vec<String>, PlatformError> {
        self.get(user_id, id).await?;
        Ok(tags::of_image(&self.context.db, id).await?)
    }

    /// A user's tags and how often each is used, most used first, at most 500.
    pub async fn tags(&self, user_id: &str) -> Result<Vec<tags::Counted>, PlatformError> {
        Ok(tags::of_user(&self.context.db, user_id, 500).await?)
    }
}

/// There is none, or it is somebody else's.
const NOT_FOUND: PlatformError = PlatformError::NotFound("picture");
