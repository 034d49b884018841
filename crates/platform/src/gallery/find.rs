//! Finding one's own pictures.

use easel_store::{
    Timestamp,
    gallery::{self, Filter},
    images::Image,
    search::Words,
    trash,
};

use super::Gallery;
use crate::{
    PlatformError,
    paging::{Page, Place, clamped},
};

/// What somebody looks for. What is `None` does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Search<'a> {
    /// All of these words in the prompt or the title, whole and whatever the case.
    pub text: Option<&'a str>,
    /// Drawn by this model.
    pub model: Option<&'a str>,
    /// With this sampler.
    pub sampler: Option<&'a str>,
    /// `text_to_image`, `image_to_image`, …
    pub mode: Option<&'a str>,
    /// At least and at most this wide.
    pub width: (Option<i64>, Option<i64>),
    /// At least and at most this high.
    pub height: (Option<i64>, Option<i64>),
    /// Made at this time or later, and before that one.
    pub made: (Option<Timestamp>, Option<Timestamp>),
    /// Marked or not.
    pub is_favourite: Option<bool>,
    /// Public or not.
    pub is_public: Option<bool>,
    /// With this tag.
    pub tag: Option<&'a str>,
    /// In this album.
    pub album_id: Option<&'a str>,
    /// The page after another.
    pub cursor: Option<&'a str>,
}

impl Gallery {
    /// A page of a user's pictures that are not in the trash, newest first.
    pub async fn find(&self, user_id: &str, search: &Search<'_>, limit: i64) -> Result<Page<Image>, PlatformError> {
        let place = Place::parse(search.cursor)?;
        let words = search.text.map(Words::of);
        // What has no word in it is found nowhere.
        if words == Some(None) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let tag = search.tag.map(|tag| crate::texts::tags(&[tag.to_owned()])).transpose()?;
        let filter = Filter {
            model: search.model,
            sampler: search.sampler,
            mode: search.mode,
            width: search.width,
            height: search.height,
            made: search.made,
            is_favourite: search.is_favourite,
            is_public: search.is_public,
            tag: tag.as_ref().and_then(|tags| tags.first()).map(String::as_str),
            album_id: search.album_id,
            words: words.as_ref().and_then(Option::as_ref),
            before: place.as_ref().map(|place| (Timestamp(place.at), place.id.as_str())),
        };
        let texts = [search.model, search.sampler, search.mode, search.album_id];
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            // PostgreSQL cannot hold it.
            return Err(PlatformError::Invalid { field: "filter", problem: "contains a NUL character" });
        }
        let limit = clamped(limit);
        let rows = gallery::list(&self.context.db, user_id, &filter, limit + 1).await?;
        Ok(Page::cut(rows, limit, |image| Place::new(image.created_at.0, &image.id)))
    }

    /// A page of a user's trash, last thrown away first.
    pub async fn trash(&self, user_id: &str, cursor: Option<&str>, limit: i64) -> Result<Page<Image>, PlatformError> {
        let place = Place::parse(cursor)?;
        let before = place.as_ref().map(|place| (Timestamp(place.at), place.id.as_str()));
        let limit = clamped(limit);
        let rows = trash::list(&self.context.db, user_id, before, limit + 1).await?;
        Ok(Page::cut(rows, limit, |image| Place::new(image.deleted_at.unwrap_or_default().0, &image.id)))
    }
}
