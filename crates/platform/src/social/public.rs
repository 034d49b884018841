//! The lists everybody sees, and what they show of a picture.

use std::collections::{HashMap, HashSet};

use easel_store::{
    Timestamp,
    images::{self, Image},
    profiles,
    public::{self, Which},
    search::{self, Words},
};
use serde::Serialize;

use super::{NO_PICTURE, Social};
use crate::{
    PlatformError,
    paging::{Page, Place, clamped},
    texts,
};

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List<'a> {
    /// Last published first.
    Recent,
    /// By likes and age.
    Trending,
    /// One person's, by their name.
    OfUser(&'a str),
    /// One model's.
    OfModel(&'a str),
    /// With this tag, last made first.
    Tagged(&'a str),
    /// With these words in prompts that are shown, last made first.
    Words(&'a str),
    /// Of the people this one follows.
    FollowedBy(&'a str),
}

/// Who made a picture, as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Author {
    /// Their name here.
    pub id: String,
    /// What they are called.
    pub username: String,
}

/// A picture, as others see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PublicImage {
    /// Its name.
    pub id: String,
    /// Who made it.
    pub author: Author,
    /// What it is called.
    pub title: Option<String>,
    /// What it was drawn from, where its owner shows that.
    pub prompt: Option<String>,
    /// What drew it.
    pub model: String,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// `png`, `jpeg`, `webp`.
    pub format: String,
    /// A placeholder while it loads.
    pub blurhash: Option<String>,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// How many like it.
    pub like_count: i64,
    /// How many comments it has.
    pub comment_count: i64,
    /// How often it was looked at.
    pub view_count: i64,
    /// Whether the one who asks likes it.
    pub is_liked: bool,
    /// Where its bytes are: for the server, and for nobody else.
    #[serde(skip)]
    pub storage_key: String,
    /// Where its small version is.
    #[serde(skip)]
    pub thumbnail_key: Option<String>,
}

impl Social {
    /// A page of a list. Who asks changes nothing but what they are told of their own likes, and where people are divided whom they see.
    pub async fn list(
        &self,
        viewer_id: Option<&str>,
        list: List<'_>,
        cursor: Option<&str>,
        limit: i64,
    ) -> Result<Page<PublicImage>, PlatformError> {
        let place = Place::parse(cursor)?;
        let after = place.as_ref().map(|place| (place.at, place.id.as_str()));
        let limit = clamped(limit);
        let among = self.seen_by(viewer_id).await?;
        let (author, tag);
        let which = match list {
            List::Recent => Which::Recent,
            List::Trending => Which::Trending,
            List::OfModel(model) => Which::OfModel(model),
            List::FollowedBy(user_id) => Which::OfFollowed(user_id),
            List::OfUser(username) => {
                author = self.author(&among, username).await?.id;
                Which::OfUser(&author)
            }
            List::Tagged(text) => {
                tag = texts::tags(&[text.to_owned()])?.remove(0);
                Which::Tagged(&tag)
            }
            List::Words(text) => {
                let Some(words) = Words::of(text) else { return Ok(Page { items: Vec::new(), next: None }) };
                let before = after.map(|(_, id)| id);
                let rows = search::public(&self.context.db, &words, &among, before, limit + 1).await?;
                return self.shown(viewer_id, Page::cut(rows, limit, |image| Place::new(0, &image.id))).await;
            }
        };
        if matches!(which, Which::OfModel(model) if model.contains('\0')) {
            // PostgreSQL cannot hold it.
            return Err(PlatformError::Invalid { field: "model", problem: "contains a NUL character" });
        }
        let rows = public::list(&self.context.db, which, &among, after, limit + 1).await?;
        self.shown(viewer_id, Page::cut(rows, limit, |image| Place::new(public::place(which, image), &image.id))).await
    }

    /// A picture that everybody may see. Looking at it is counted, once in a while for each who looks (an account or a hashed address).
    pub async fn view(&self, viewer_id: Option<&str>, image_id: &str, looker: &str) -> Result<PublicImage, PlatformError> {
        let among = self.seen_by(viewer_id).await?;
        let image = images::shown(&self.context.db, image_id, &among).await?.ok_or(NO_PICTURE)?;
        if viewer_id != Some(image.user_id.as_str()) {
            self.views.seen(image_id, looker);
        }
        let page = self.shown(viewer_id, Page { items: vec![image], next: None }).await?;
        page.items.into_iter().next().ok_or(NO_PICTURE)
    }

    /// What others see of these pictures.
    pub(super) async fn shown(&self, viewer_id: Option<&str>, page: Page<Image>) -> Result<Page<PublicImage>, PlatformError> {
        let unique: HashSet<&str> = page.items.iter().map(|image| image.user_id.as_str()).collect();
        let authors: Vec<&str> = unique.into_iter().collect();
        let names: HashMap<String, String> = if authors.is_empty() {
            HashMap::new()
        } else {
            profiles::usernames(&self.context.db, &authors).await?.into_iter().collect()
        };
        let ids: Vec<&str> = page.items.iter().map(|image| image.id.as_str()).collect();
        let liked: HashSet<String> = match viewer_id {
            Some(viewer) if !ids.is_empty() => public::liked_among(&self.context.db, viewer, &ids).await?.into_iter().collect(),
            _ => HashSet::new(),
        };
        Ok(page.map(|image| {
            let username = names.get(&image.user_id).cloned().unwrap_or_default();
            let is_liked = liked.contains(&image.id);
            public_image(image, username, is_liked)
        }))
    }
}

pub(super) fn public_image(image: Image, username: String, is_liked: bool) -> PublicImage {
    PublicImage {
        author: Author { id: image.user_id, username },
        title: image.title,
        prompt: Some(image.prompt).filter(|_| image.shows_prompt),
        model: image.model,
        width: image.width,
        height: image.height,
        format: image.format,
        blurhash: image.blurhash,
        published_at: image.published_at,
        like_count: image.like_count,
        comment_count: image.comment_count,
        view_count: image.view_count,
        is_liked,
        storage_key: image.storage_key,
        thumbnail_key: image.thumbnail_key,
        id: image.id,
    }
}
