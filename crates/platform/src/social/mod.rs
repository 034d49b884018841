//! What people see and do of one another: the public gallery, likes, comments, follows, links, profiles.
//!
//! | rule | file |
//! |---|---|
//! | the lists everybody sees | `public.rs` |
//! | likes | `likes.rs` |
//! | what is trending | `trend.rs` |
//! | comments: how many, how long, who removes them | `comments.rs` |
//! | follows | `follows.rs` |
//! | whose files are given to whom | `files.rs` |
//! | links: nobody guesses them, they end | `shares.rs` |
//! | how often a picture was looked at | `views.rs` |
//! | how somebody shows themselves | `profile.rs` |
//!
//! What others see of a picture and of a person are types of their own without anything that is only their owner's: no address, no file that was
//! put in, and the prompt only where its owner shows it.

mod comments;
mod files;
mod follows;
mod likes;
mod profile;
mod public;
mod shares;
pub(crate) mod trend;
mod views;

use std::time::Duration;

use easel_store::{
    Tx,
    images::{self, Image},
    organizations::Among,
};

use crate::{Context, PlatformError, organizations::Division, safety::Guard};

pub use files::ShownFiles;
pub use profile::PublicProfile;
pub use public::{Author, List, PublicImage};
pub use shares::{Opened, ShownShare};
pub use views::Views;

/// Limits of what people do to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Characters of a comment.
    pub comment_length_max: usize,
    /// Comments of one person in a minute,
    pub comments_minute_max: i64,
    /// and in a day.
    pub comments_day_max: i64,
    /// People one person follows.
    pub follows_max: i64,
    /// Links of one picture that are good.
    pub shares_max: i64,
    /// The longest time a link is good for; `None` lets links be good until they are revoked.
    pub share_ttl_max: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            comment_length_max: 1000,
            comments_minute_max: 5,
            comments_day_max: 200,
            follows_max: 1000,
            shares_max: 20,
            share_ttl_max: None,
        }
    }
}

/// The public side. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Social {
    context: Context,
    guard: Guard,
    settings: Settings,
    views: Views,
    division: Division,
}

impl Social {
    /// Over this database.
    pub fn new(context: Context, guard: Guard, settings: Settings) -> Self {
        let views = Views::new(context.clone());
        Self { context, guard, settings, views, division: Division::default() }
    }

    /// People see one another within their organisation, and nobody else, if it is on.
    #[must_use]
    pub fn with_multi_tenant(self, on: bool) -> Self {
        Self { division: Division(on), ..self }
    }

    /// Whether it matters who looks at what everybody may see.
    pub fn is_divided(&self) -> bool {
        self.division.0
    }

    async fn seen_by(&self, viewer_id: Option<&str>) -> Result<Among, PlatformError> {
        self.division.seen_by(&self.context.db, viewer_id).await
    }

    /// How often pictures were looked at.
    pub fn views(&self) -> &Views {
        &self.views
    }
}

const NO_PICTURE: PlatformError = PlatformError::NotFound("picture");

/// A picture that everybody may see, locked.
async fn lock_shown(tx: &mut Tx, id: &str, among: &Among) -> Result<Image, PlatformError> {
    let image = images::lock(tx, id).await?;
    image.filter(|image| image.is_shown() && among.has(image.organization_id.as_deref())).ok_or(NO_PICTURE)
}

/// Writes a locked picture's sums, changed by these.
pub(crate) async fn change_sums(tx: &mut Tx, image: &Image, likes: i64, comments: i64) -> Result<(i64, i64), PlatformError> {
    let (likes, comments) = (image.like_count + likes, image.comment_count + comments);
    let trend = image.published_at.map(|at| trend::place(at, likes));
    images::set_sums(tx, &image.id, likes, comments, trend).await?;
    Ok((likes, comments))
}
