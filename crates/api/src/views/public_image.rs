//! A picture and its author, as others see them.

use easel_platform::social::PublicImage;
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_time;
use crate::Cdn;

/// Who made a picture.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuthorView {
    /// Their id.
    id: String,
    /// What they are called.
    username: String,
}

/// A public picture.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublicImageView {
    /// Its id.
    id: String,
    /// Who made it.
    author: AuthorView,
    /// What it is called.
    title: Option<String>,
    /// What it was to show, where its owner shows that.
    prompt: Option<String>,
    /// What drew it.
    model: String,
    /// Where its bytes are, without what is written in them unless the prompt is shown.
    url: String,
    /// Where its small version is.
    thumbnail_url: Option<String>,
    /// Pixels.
    width: i64,
    /// Pixels.
    height: i64,
    /// `png`, `jpeg` or `webp`.
    format: String,
    /// A placeholder while it loads (blurha.sh).
    blurhash: Option<String>,
    /// When it was published.
    #[schema(format = DateTime)]
    published_at: Option<String>,
    /// How many like it.
    like_count: i64,
    /// How many comments it has.
    comment_count: i64,
    /// How often it was looked at.
    view_count: i64,
    /// Whether you like it.
    is_liked: bool,
}

impl PublicImageView {
    /// As a link shows it, which is where its files are too.
    pub(crate) fn shared(image: PublicImage, token: &str) -> Self {
        Self::at(&format!("/api/v1/shared/{token}"), image)
    }

    /// With its files where copies of what everybody may see are delivered from, if there is such a place. Not for what a link shows.
    pub(crate) fn through(self, cdn: Option<&Cdn>) -> Self {
        let Some(cdn) = cdn else { return self };
        Self { url: cdn.at(&self.url), thumbnail_url: self.thumbnail_url.map(|url| cdn.at(&url)), ..self }
    }

    fn at(folder: &str, image: PublicImage) -> Self {
        Self {
            url: format!("{folder}/file"),
            thumbnail_url: image.thumbnail_key.as_ref().map(|_| format!("{folder}/thumbnail")),
            id: image.id,
            author: AuthorView { id: image.author.id, username: image.author.username },
            title: image.title,
            prompt: image.prompt,
            model: image.model,
            width: image.width,
            height: image.height,
            format: image.format,
            blurhash: image.blurhash,
            published_at: image.published_at.map(shown_time),
            like_count: image.like_count,
            comment_count: image.comment_count,
            view_count: image.view_count,
            is_liked: image.is_liked,
        }
    }
}

impl From<PublicImage> for PublicImageView {
    fn from(image: PublicImage) -> Self {
        Self::at(&format!("/api/v1/images/{}/public", image.id), image)
    }
}
