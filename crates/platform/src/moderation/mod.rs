//! Keeping what everybody sees fit to be seen: people report, moderators decide, owners may object once, an admin has the last word.
//!
//! | rule | file |
//! |---|---|
//! | what can be reported, and how often | `report.rs` |
//! | what moderators decide, and what that does | `decide.rs` |
//! | objections, and taking a decision back | `appeal.rs` |
//!
//! A case is `open → decided → (appealed →) closed`. There is one open case of a thing; reports add to it and move it ahead in the queue. Every
//! decision is recorded with who made it, and its reason is for the owner to read.

mod appeal;
mod decide;
mod report;

use std::time::Duration;

use easel_store::Timestamp;
use easel_store::{
    moderation::{self, Case},
    reports::{self, Report},
    strikes::{self, Found},
};

use crate::{
    Context, PlatformError,
    accounts::{Actor, Permission},
    organizations::Division,
    paging::{Page, Place, clamped},
    texts,
};

pub use decide::Decision;
pub use report::{Category, Subject};

/// Times and limits of moderation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Reports of one person in a day.
    pub reports_day_max: i64,
    /// How far ahead one report moves a case: waiting that long is worth as much.
    pub report_worth: Duration,
    /// How long owners may object.
    pub appeal_within: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self { reports_day_max: 50, report_worth: HOUR, appeal_within: HOUR * 24 * 30 }
    }
}

/// Moderation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Moderation {
    context: Context,
    settings: Settings,
    division: Division,
}

const NO_CASE: PlatformError = PlatformError::NotFound("case");

impl Moderation {
    /// Over this database.
    pub fn new(context: Context, settings: Settings) -> Self {
        Self { context, settings, division: Division::default() }
    }

    /// People see one another within their organisation, and nobody else, if it is on.
    #[must_use]
    pub fn with_multi_tenant(self, on: bool) -> Self {
        Self { division: Division(on), ..self }
    }

    /// A page of what waits for a moderator, in the order of the queue.
    pub async fn queue(&self, actor: &Actor, cursor: Option<&str>, limit: i64) -> Result<Page<Case>, PlatformError> {
        actor.require(Permission::ModerateImages.least_role())?;
        let place = Place::parse(cursor)?;
        let after = place.as_ref().map(|place| (place.at, place.id.as_str()));
        let limit = clamped(limit);
        let among = self.division.judged_by(&self.context.db, actor).await?;
        let rows = moderation::queue(&self.context.db, &among, after, limit + 1).await?;
        Ok(Page::cut(rows, limit, |case| Place::new(case.queue_order, &case.id)))
    }

    /// A case and what people said of it, at most 200 of them.
    pub async fn case(&self, actor: &Actor, id: &str) -> Result<(Case, Vec<Report>), PlatformError> {
        actor.require(Permission::ModerateImages.least_role())?;
        let case = self.judged(actor, id).await?;
        let reports = reports::of_case(&self.context.db, id, 200).await?;
        Ok((case, reports))
    }

    /// A case, if they judge whose it is; others are not there.
    async fn judged(&self, actor: &Actor, case_id: &str) -> Result<Case, PlatformError> {
        let case = moderation::by_id(&self.context.db, case_id).await?.ok_or(NO_CASE)?;
        if self.division.judges(&self.context.db, actor, &case.owner_id).await? { Ok(case) } else { Err(NO_CASE) }
    }

    /// The same before something is done to it, where people are divided. Whose it is never changes.
    async fn require_judged(&self, actor: &Actor, case_id: &str) -> Result<(), PlatformError> {
        if self.division.0 {
            self.judged(actor, case_id).await?;
        }
        Ok(())
    }

    /// A page of the cases about what is one's own, newest first. Those that nobody has decided are not told: who reports is protected.
    pub async fn own_cases(&self, user_id: &str, cursor: Option<&str>, limit: i64) -> Result<Page<Case>, PlatformError> {
        let place = Place::parse(cursor)?;
        let before = place.as_ref().map(|place| (Timestamp(place.at), place.id.as_str()));
        let limit = clamped(limit);
        let rows = moderation::of_owner(&self.context.db, user_id, before, limit + 1).await?;
        let page = Page::cut(rows, limit, |case| Place::new(case.opened_at.0, &case.id));
        let told = page.items.into_iter().filter(|case| case.decision.as_deref().is_some_and(|decision| decision != "approve"));
        // Who decided is the house, not a person.
        Ok(Page { items: told.map(|case| Case { decided_by: None, report_count: 0, ..case }).collect(), next: page.next })
    }

    /// A page of what filters and moderators found, newest first: about one person, or all.
    pub async fn findings(
        &self,
        actor: &Actor,
        user_id: Option<&str>,
        cursor: Option<&str>,
        limit: i64,
    ) -> Result<Page<Found>, PlatformError> {
        actor.require(Permission::ModerateImages.least_role())?;
        if user_id.is_some_and(|user_id| !texts::are_names(&[user_id])) {
            return Err(PlatformError::NotFound("user"));
        }
        let db = &self.context.db;
        if let Some(user_id) = user_id
            && !self.division.judges(db, actor, user_id).await?
        {
            return Err(PlatformError::NotFound("user"));
        }
        let place = Place::parse(cursor)?;
        let before = place.as_ref().map(|place| (Timestamp(place.at), place.id.as_str()));
        let limit = clamped(limit);
        let rows = match user_id {
            Some(user_id) => strikes::of_user(db, user_id, before, limit + 1).await?,
            None => strikes::list(db, &self.division.judged_by(db, actor).await?, before, limit + 1).await?,
        };
        Ok(Page::cut(rows, limit, |found| Place::new(found.at.0, &found.id)))
    }
}
