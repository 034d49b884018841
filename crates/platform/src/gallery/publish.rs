//! Showing a picture to everybody, and taking that back.
//!
//! The prompt goes with it only if its owner says so; then it is looked through again, by the lists as they are now. What is flagged is shown,
//! and a moderator is asked. A picture that is published again soon keeps its place: nobody moves to the front by turning it off and on.

use easel_store::{
    Tx,
    images::{self, Image, Showing},
    moderation::{self, Target},
    organizations::Among,
};

use super::{Applied, Gallery};
use crate::{
    PlatformError,
    context::retry,
    safety::Stage,
    social::trend,
    worker::{FLAGGED, UNSEEN},
};

impl Gallery {
    pub(super) async fn publish(
        &self,
        tx: &mut Tx,
        user_id: &str,
        id: &str,
        shows_prompt: bool,
    ) -> Result<Applied, PlatformError> {
        let Some(image) = own(tx, user_id, id).await? else { return Ok(Applied::NotFound) };
        if image.hidden_at.is_some() {
            return Ok(Applied::Hidden);
        }
        // What nobody has looked at is not for everybody.
        let unseen = self.guard.looks_at_pictures() && noted(&image, UNSEEN).is_some();
        if unseen || self.guard.refuses(&shown_text(&image, shows_prompt)) {
            return Ok(Applied::Blocked);
        }
        let now = self.context.now();
        let before = image.published_at.filter(|&at| image.is_public || at > now.before(self.settings.republish_after));
        let published_at = before.unwrap_or(now);
        let showing = Showing { published_at, trend: trend::place(published_at, image.like_count), shows_prompt };
        images::set_showing(tx, id, Some(showing)).await?;
        Ok(Applied::Done)
    }

    pub(super) async fn withdraw(&self, tx: &mut Tx, user_id: &str, id: &str) -> Result<Applied, PlatformError> {
        if own(tx, user_id, id).await?.is_none() {
            return Ok(Applied::NotFound);
        }
        images::set_showing(tx, id, None).await?;
        Ok(Applied::Done)
    }

    /// Asks a moderator about what was just published and is flagged.
    pub(super) async fn look_at(&self, user_id: &str, id: &str) -> Result<(), PlatformError> {
        let Some(image) = images::shown(&self.context.db, id, &Among::Everybody).await? else { return Ok(()) };
        // A picture is what it was drawn from, whether or not that is shown.
        let text = shown_text(&image, true);
        let said = self.guard.check(user_id, Stage::Prompt, &text).await?;
        let seen = || noted(&image, FLAGGED).and_then(|category| category.as_str().map(str::to_owned));
        let Some(category) = said.or_else(seen) else { return Ok(()) };
        retry!(self.open_case(&image, &category))
    }

    async fn open_case(&self, image: &Image, category: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let target = Target { kind: "image", id: &image.id, owner_id: &image.user_id };
        moderation::open(&mut tx, &self.context.moment(), target, category).await?;
        Ok(tx.commit().await?)
    }
}

/// What whoever looked at it when it was stored has said.
pub(crate) fn noted(image: &Image, name: &str) -> Option<serde_json::Value> {
    let parameters: serde_json::Value = serde_json::from_str(&image.parameters).ok()?;
    parameters.get(name).cloned()
}

fn shown_text(image: &Image, shows_prompt: bool) -> String {
    let prompt = if shows_prompt { image.prompt.as_str() } else { "" };
    format!("{}\n{prompt}", image.title.as_deref().unwrap_or_default())
}

async fn own(tx: &mut Tx, user_id: &str, id: &str) -> Result<Option<Image>, PlatformError> {
    let image = images::lock(tx, id).await?;
    Ok(image.filter(|image| image.user_id == user_id && image.deleted_at.is_none()))
}
