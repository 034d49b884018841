//! What somebody does to their pictures, to one or to many at once: one transaction, and an answer for each.

use easel_store::{
    Timestamp, Tx, albums,
    images::{self, Change},
    tags, trash,
};

use super::Gallery;
use crate::{PlatformError, context::retry, safety::Stage, texts};

/// Pictures of one call.
const IDS_MAX: usize = 100;

/// What is done to a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Marks it, or no longer.
    Favourite(bool),
    /// Puts these tags on it too.
    Tag(Vec<String>),
    /// Takes these tags off it.
    Untag(Vec<String>),
    /// Puts these tags on it and no others.
    Retag(Vec<String>),
    /// Calls it that; nothing, if it is empty.
    Title(String),
    /// Puts it into an album.
    AddToAlbum(String),
    /// Takes it out of an album.
    RemoveFromAlbum(String),
    /// Shows it to everybody, with or without its prompt.
    Publish {
        /// Others see, find and may use the prompt.
        shows_prompt: bool,
    },
    /// Shows it to nobody else any longer.
    Withdraw,
    /// Throws it away; it can be taken back for a while.
    Trash,
    /// Takes it out of the trash.
    Restore,
    /// Removes what is in the trash for good, or throws it away for good.
    Delete,
}

/// What became of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is so now.
    Done,
    /// There is none, it is somebody else's, or it is not where it would have to be.
    NotFound,
    /// A moderator hid it, so it stays as it is.
    Hidden,
    /// Its title or prompt is not for everybody.
    Blocked,
}

impl Gallery {
    /// Does the same to up to a hundred pictures, all in one transaction; what became of each.
    ///
    /// # Errors
    /// If it cannot be done to any: too many pictures, tags or pictures of an album, texts that are not taken. Nothing is done then.
    pub async fn apply(&self, user_id: &str, ids: &[&str], action: &Action) -> Result<Vec<Applied>, PlatformError> {
        if ids.is_empty() || ids.len() > IDS_MAX {
            return Err(PlatformError::Invalid { field: "number of pictures", problem: "is not 1 to 100" });
        }
        // What cannot be a name is not found, like any other that is not there.
        let plain: Vec<&str> = ids.iter().map(|id| if texts::are_names(&[id]) { *id } else { "-" }).collect();
        let ids = plain.as_slice();
        let action = self.checked(user_id, action).await?;
        let applied = retry!(self.apply_once(user_id, ids, &action))?;
        if let Action::Publish { .. } = action {
            for (id, _) in ids.iter().zip(&applied).filter(|(_, applied)| **applied == Applied::Done) {
                self.look_at(user_id, id).await?;
            }
        }
        Ok(applied)
    }

    /// Does it to one picture.
    ///
    /// # Errors
    /// As [`Self::apply`], and for what it says of a single picture.
    pub async fn apply_to(&self, user_id: &str, id: &str, action: &Action) -> Result<(), PlatformError> {
        match self.apply(user_id, &[id], action).await?.first() {
            Some(Applied::Done) => Ok(()),
            Some(Applied::Hidden) => Err(PlatformError::Forbidden("a moderator hid the picture")),
            Some(Applied::Blocked) => Err(PlatformError::ContentBlocked { category: "text".to_owned() }),
            _ => Err(super::NOT_FOUND),
        }
    }

    /// The action with its texts as they are stored.
    async fn checked(&self, user_id: &str, action: &Action) -> Result<Action, PlatformError> {
        let few = |tags: Vec<String>| {
            let max = usize::try_from(self.settings.tags_max).unwrap_or(usize::MAX);
            if tags.len() > max { Err(TOO_MANY_TAGS) } else { Ok(tags) }
        };
        Ok(match action {
            Action::Tag(tags) => Action::Tag(few(texts::tags(tags)?)?),
            Action::Untag(tags) => Action::Untag(texts::tags(tags)?),
            Action::Retag(tags) => Action::Retag(few(texts::tags(tags)?)?),
            Action::Title(title) => {
                let title = texts::clean("title", title, 200, false)?;
                self.guard.check(user_id, Stage::Title, &title).await?;
                Action::Title(title)
            }
            Action::AddToAlbum(album) | Action::RemoveFromAlbum(album) if !texts::are_names(&[album]) => {
                return Err(PlatformError::NotFound("album"));
            }
            other => other.clone(),
        })
    }

    async fn apply_once(&self, user_id: &str, ids: &[&str], action: &Action) -> Result<Vec<Applied>, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let mut applied = Vec::with_capacity(ids.len());
        for id in ids {
            applied.push(self.apply_one(&mut tx, user_id, id, action).await?);
        }
        tx.commit().await?;
        Ok(applied)
    }

    async fn apply_one(&self, tx: &mut Tx, user_id: &str, id: &str, action: &Action) -> Result<Applied, PlatformError> {
        let now = self.context.now();
        let done = match action {
            Action::Favourite(marked) => {
                images::change(tx, user_id, id, &Change { is_favourite: Some(*marked), ..Change::default() }).await?
            }
            Action::Title(title) => images::change(tx, user_id, id, &Change { title: Some(title), ..Change::default() }).await?,
            Action::Tag(tags) => tags::add(tx, user_id, id, tags).await? && self.few_tags(tx, id).await?,
            Action::Untag(tags) => tags::remove(tx, user_id, id, tags).await?,
            Action::Retag(tags) => tags::set(tx, user_id, id, tags).await?,
            Action::AddToAlbum(album) => albums::add(tx, user_id, album, id, now).await? && self.few_pictures(tx, album).await?,
            Action::RemoveFromAlbum(album) => albums::remove(tx, user_id, album, id, now).await?,
            Action::Publish { shows_prompt } => return self.publish(tx, user_id, id, *shows_prompt).await,
            Action::Withdraw => return self.withdraw(tx, user_id, id).await,
            Action::Trash => trash::throw_away(tx, user_id, id, now, now.after(self.settings.trash)).await?,
            Action::Restore => return self.restore(tx, user_id, id, now).await,
            Action::Delete => return self.delete(tx, user_id, id, now).await,
        };
        Ok(if done { Applied::Done } else { Applied::NotFound })
    }

    async fn few_tags(&self, tx: &mut Tx, id: &str) -> Result<bool, PlatformError> {
        if tags::count(tx, id).await? > self.settings.tags_max { Err(TOO_MANY_TAGS) } else { Ok(true) }
    }

    async fn few_pictures(&self, tx: &mut Tx, album_id: &str) -> Result<bool, PlatformError> {
        let max = self.settings.album_images_max;
        let limit = PlatformError::Limit { code: "album_full", what: "pictures of an album", max };
        if albums::size(tx, album_id).await? > max { Err(limit) } else { Ok(true) }
    }

    async fn restore(&self, tx: &mut Tx, user_id: &str, id: &str, now: Timestamp) -> Result<Applied, PlatformError> {
        let done = trash::restore(tx, user_id, id, now).await?;
        if done { Ok(Applied::Done) } else { Self::why_not(tx, user_id, id).await }
    }

    async fn delete(&self, tx: &mut Tx, user_id: &str, id: &str, now: Timestamp) -> Result<Applied, PlatformError> {
        trash::throw_away(tx, user_id, id, now, now).await?;
        let done = trash::purge_now(tx, user_id, id, now).await?;
        if done { Ok(Applied::Done) } else { Self::why_not(tx, user_id, id).await }
    }

    /// Whether it is a moderator's doing that nothing was done.
    async fn why_not(tx: &mut Tx, user_id: &str, id: &str) -> Result<Applied, PlatformError> {
        let image = images::lock(tx, id).await?.filter(|image| image.user_id == user_id && image.purged_at.is_none());
        Ok(if image.is_some_and(|image| image.hidden_at.is_some()) { Applied::Hidden } else { Applied::NotFound })
    }
}

const TOO_MANY_TAGS: PlatformError = PlatformError::Invalid { field: "number of tags", problem: "is too large for one picture" };
