//! Reporting: what everybody may see can be reported, by each person once and not too often.

use std::time::Duration;

use easel_store::{
    comments, images,
    moderation::{self, Target},
    organizations::Among,
    profiles,
    reports::{self, NewReport},
    users,
};
use serde::{Deserialize, Serialize};

use super::Moderation;
use crate::{
    PlatformError,
    accounts::{Actor, Permission},
    context::retry,
    texts,
};

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A picture.
    Image(&'a str),
    /// A comment.
    Comment(&'a str),
    /// Somebody, by their name.
    User(&'a str),
}

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Sexual.
    Sexual,
    /// Children come to harm.
    ChildAbuse,
    /// Violence.
    Violence,
    /// Hate.
    Hate,
    /// Harassment.
    Harassment,
    /// Harming oneself.
    SelfHarm,
    /// Somebody's likeness or data.
    Privacy,
    /// Somebody's work.
    Copyright,
    /// Against a law.
    Illegal,
    /// Nobody asked for it.
    Spam,
    /// Something else.
    Other,
}

impl Category {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::Sexual,
        Self::ChildAbuse,
        Self::Violence,
        Self::Hate,
        Self::Harassment,
        Self::SelfHarm,
        Self::Privacy,
        Self::Copyright,
        Self::Illegal,
        Self::Spam,
        Self::Other,
    ];

    /// As stored and written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sexual => "sexual",
            Self::ChildAbuse => "child_abuse",
            Self::Violence => "violence",
            Self::Hate => "hate",
            Self::Harassment => "harassment",
            Self::SelfHarm => "self_harm",
            Self::Privacy => "privacy",
            Self::Copyright => "copyright",
            Self::Illegal => "illegal",
            Self::Spam => "spam",
            Self::Other => "other",
        }
    }
}

/// A thing that everybody may see: its kind, its name, and whose it is.
struct Seen {
    kind: &'static str,
    id: String,
    owner_id: String,
}

impl Moderation {
    /// Reports something. Doing it again while nobody has decided changes nothing.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`] if it is not to be seen, [`PlatformError::Limit`] if they report too much.
    pub async fn report(
        &self,
        reporter_id: &str,
        subject: Subject<'_>,
        category: Category,
        note: Option<&str>,
    ) -> Result<(), PlatformError> {
        let note = note.map(|note| texts::clean("note", note, 1000, true)).transpose()?;
        let among = self.division.seen_by(&self.context.db, Some(reporter_id)).await?;
        let seen = self.seen(subject, &among).await?;
        if seen.owner_id == reporter_id {
            return Err(PlatformError::Forbidden("it is one's own"));
        }
        retry!(self.report_once(reporter_id, &seen, category, note.as_deref()))
    }

    async fn report_once(
        &self,
        reporter_id: &str,
        seen: &Seen,
        category: Category,
        note: Option<&str>,
    ) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        // The reporter's row makes their reports take turns, so that no two of them count the same limit.
        users::lock(&mut tx, reporter_id).await?.ok_or(PlatformError::Unauthenticated)?;
        let (since, max) = (moment.now.before(Duration::from_secs(24 * 3600)), self.settings.reports_day_max);
        if reports::count_since(&mut tx, reporter_id, since).await? >= max {
            return Err(PlatformError::Limit { code: "too_many_reports", what: "reports a day", max });
        }
        let target = Target { kind: seen.kind, id: &seen.id, owner_id: &seen.owner_id };
        let case = moderation::open(&mut tx, &moment, target, category.name()).await?;
        let new = NewReport { case_id: &case.id, reporter_id, category: category.name(), note };
        if reports::insert(&mut tx, &moment, new).await? {
            let ahead = i64::try_from(self.settings.report_worth.as_micros()).unwrap_or(0);
            moderation::reported(&mut tx, &case.id, ahead).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Opens a case without a report, for a moderator who saw something. Returns its name.
    pub async fn open(&self, actor: &Actor, subject: Subject<'_>, category: Category) -> Result<String, PlatformError> {
        actor.require(Permission::ModerateImages.least_role())?;
        let among = self.division.judged_by(&self.context.db, actor).await?;
        let seen = self.seen(subject, &among).await?;
        let mut tx = self.context.db.begin().await?;
        let target = Target { kind: seen.kind, id: &seen.id, owner_id: &seen.owner_id };
        let case = moderation::open(&mut tx, &self.context.moment(), target, category.name()).await?;
        tx.commit().await?;
        Ok(case.id)
    }

    async fn seen(&self, subject: Subject<'_>, among: &Among) -> Result<Seen, PlatformError> {
        let db = &self.context.db;
        // What cannot be a name is nowhere.
        let name = match subject {
            Subject::Image(name) | Subject::Comment(name) | Subject::User(name) => name,
        };
        if name.contains('\0') {
            return Err(PlatformError::NotFound("thing"));
        }
        match subject {
            Subject::Image(id) => {
                let image = images::shown(db, id, among).await?.ok_or(PlatformError::NotFound("picture"))?;
                Ok(Seen { kind: "image", id: image.id, owner_id: image.user_id })
            }
            Subject::Comment(id) => {
                let comment = comments::by_id(db, id).await?.filter(|comment| comment.hidden_at.is_none());
                let comment = comment.ok_or(PlatformError::NotFound("comment"))?;
                images::shown(db, &comment.image_id, among).await?.ok_or(PlatformError::NotFound("comment"))?;
                Ok(Seen { kind: "comment", id: comment.id, owner_id: comment.user_id })
            }
            Subject::User(username) => {
                let profile = profiles::by_username(db, username, among).await?.ok_or(PlatformError::NotFound("user"))?;
                Ok(Seen { kind: "user", id: profile.id.clone(), owner_id: profile.id })
            }
        }
    }
}
