//! Albums: making, naming, ordering them and what is in them.

use std::collections::HashMap;

use easel_store::{
    albums::{self, Album, Placed},
    users,
};

use super::Gallery;
use crate::{
    PlatformError,
    context::retry,
    paging::{Page, Place, clamped},
    texts,
};

const NO_ALBUM: PlatformError = PlatformError::NotFound("album");
/// Things that are put first in one call.
const FIRST_MAX: usize = 1000;

/// How many pictures an album has.
pub type AlbumSize = i64;

/// Which picture stands for an album.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover<'a> {
    /// This one of its pictures.
    Image(&'a str),
    /// None of its own choice.
    None,
}

impl Gallery {
    /// A user's albums in their order, with the number of pictures of each.
    pub async fn albums(&self, user_id: &str) -> Result<Vec<(Album, AlbumSize)>, PlatformError> {
        let sizes: HashMap<String, AlbumSize> = albums::sizes(&self.context.db, user_id).await?.into_iter().collect();
        let albums = albums::of_user(&self.context.db, user_id).await?;
        let sized = |album: Album| {
            let size = sizes.get(&album.id).copied().unwrap_or(0);
            (album, size)
        };
        Ok(albums.into_iter().map(sized).collect())
    }

    /// One of a user's albums.
    pub async fn album(&self, user_id: &str, id: &str) -> Result<Album, PlatformError> {
        albums::by_id(&self.context.db, user_id, id).await?.ok_or(NO_ALBUM)
    }

    /// A new album, the last one.
    pub async fn create_album(&self, user_id: &str, title: &str) -> Result<Album, PlatformError> {
        let title = texts::something("title", title, 200, false)?;
        retry!(self.create_album_once(user_id, &title))
    }

    async fn create_album_once(&self, user_id: &str, title: &str) -> Result<Album, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        // The user's row makes their albums take turns, so that no two of them count the same limit.
        users::lock(&mut tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        let max = self.settings.albums_max;
        if albums::count(&mut tx, user_id).await? >= max {
            return Err(PlatformError::Limit { code: "too_many_albums", what: "albums", max });
        }
        let album = albums::insert(&mut tx, &self.context.moment(), user_id, title).await?;
        tx.commit().await?;
        Ok(album)
    }

    /// Another title for one of a user's albums.
    pub async fn rename_album(&self, user_id: &str, id: &str, title: &str) -> Result<(), PlatformError> {
        let title = texts::something("title", title, 200, false)?;
        let mut tx = self.context.db.begin().await?;
        if !albums::rename(&mut tx, user_id, id, self.context.now(), &title).await? {
            return Err(NO_ALBUM);
        }
        Ok(tx.commit().await?)
    }

    /// Another cover for one of a user's albums, out of its own pictures.
    pub async fn set_cover(&self, user_id: &str, id: &str, cover: Cover<'_>) -> Result<(), PlatformError> {
        let image_id = match cover {
            Cover::Image(id) => Some(id),
            Cover::None => None,
        };
        if image_id.is_some_and(|id| !texts::are_names(&[id])) {
            return Err(super::NOT_FOUND);
        }
        let mut tx = self.context.db.begin().await?;
        if !albums::set_cover(&mut tx, user_id, id, self.context.now(), image_id).await? {
            return Err(NO_ALBUM);
        }
        Ok(tx.commit().await?)
    }

    /// Removes one of a user's albums; its pictures stay.
    pub async fn delete_album(&self, user_id: &str, id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        if !albums::delete(&mut tx, user_id, id).await? {
            return Err(NO_ALBUM);
        }
        Ok(tx.commit().await?)
    }

    /// Puts these of a user's albums first, in this order; the others follow as they were.
    pub async fn albums_first(&self, user_id: &str, ids: &[&str]) -> Result<(), PlatformError> {
        check_first(ids)?;
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        let first = albums::first_position(&mut tx, user_id).await?;
        for (position, id) in before(first, ids) {
            if !albums::set_position(&mut tx, user_id, id, position).await? {
                return Err(NO_ALBUM);
            }
        }
        Ok(tx.commit().await?)
    }

    /// Puts these pictures of an album first, in this order; the others follow as they were.
    pub async fn pictures_first(&self, user_id: &str, album_id: &str, ids: &[&str]) -> Result<(), PlatformError> {
        check_first(ids)?;
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        let Some(first) = albums::first_place(&mut tx, user_id, album_id).await? else { return Err(NO_ALBUM) };
        for (position, id) in before(first, ids) {
            if !albums::place(&mut tx, album_id, id, position).await? {
                return Err(super::NOT_FOUND);
            }
        }
        albums::touch(&mut tx, album_id, self.context.now()).await?;
        Ok(tx.commit().await?)
    }

    /// A page of an album's pictures in their order.
    pub async fn album_pictures(
        &self,
        user_id: &str,
        album_id: &str,
        cursor: Option<&str>,
        limit: i64,
    ) -> Result<Page<Placed>, PlatformError> {
        self.album(user_id, album_id).await?;
        let place = Place::parse(cursor)?;
        let after = place.as_ref().map(|place| (place.at, place.id.as_str()));
        let limit = clamped(limit);
        let rows = albums::pictures(&self.context.db, user_id, album_id, after, limit + 1).await?;
        Ok(Page::cut(rows, limit, |placed| Place::new(placed.position, &placed.image.id)))
    }
}

fn check_first(ids: &[&str]) -> Result<(), PlatformError> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    if ids.is_empty() || ids.len() > FIRST_MAX || !texts::are_names(ids) || sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(PlatformError::Invalid { field: "order", problem: "is not 1 to 1000 different names" });
    }
    Ok(())
}

/// Places before the first, in this order.
fn before<'a>(first: i64, ids: &'a [&'a str]) -> impl Iterator<Item = (i64, &'a str)> {
    let count = i64::try_from(ids.len()).unwrap_or(0);
    (0..).zip(ids).map(move |(at, id)| (first.saturating_sub(count).saturating_add(at), *id))
}
