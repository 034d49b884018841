//! What moderators decide, and what that does: all of it in one transaction with the record of it.

use std::time::Duration;

use easel_store::{
    Moment, Tx, audit, comments, images,
    moderation::{self, Case, Decided},
    profiles, sessions,
    strikes::{self, NewFound},
    trash,
    users::{self, Role},
};
use serde::{Deserialize, Serialize};

use super::{Moderation, NO_CASE};
use crate::{
    PlatformError,
    accounts::{Actor, Permission},
    context::retry,
    safety, social, texts,
};

/// How long what was removed can be brought back, should its owner object.
const REMOVED_FOR: Duration = Duration::from_secs(60 * 24 * 3600);

/// What a moderator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It is fit to be seen; what was hidden is shown again.
    Approve,
    /// Nobody but its owner sees it. Of a person: what they say of themselves is emptied.
    Hide,
    /// It goes, which counts against its owner.
    Remove,
    /// It stays, and counts against its owner.
    Warn,
    /// It goes, and its owner with it. It needs an admin.
    Ban,
}

impl Decision {
    /// As stored and written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Hide => "hide",
            Self::Remove => "remove",
            Self::Warn => "warn",
            Self::Ban => "ban",
        }
    }

    fn strikes(self) -> i64 {
        i64::from(matches!(self, Self::Remove | Self::Warn | Self::Ban))
    }
}

impl Moderation {
    /// Decides an open case, with a reason for the owner to read. A case that was decided already is not found.
    ///
    /// # Errors
    /// [`PlatformError::Forbidden`] for who has not the rank: a ban needs an admin, and nobody acts on somebody of their own rank or above.
    pub async fn decide(&self, actor: &Actor, case_id: &str, decision: Decision, reason: &str) -> Result<(), PlatformError> {
        let least = if decision == Decision::Ban { Permission::ManageUsers } else { Permission::ModerateImages };
        actor.require(least.least_role())?;
        let reason = texts::clean("reason", reason, 500, true)?;
        if reason.is_empty() && decision != Decision::Approve {
            return Err(PlatformError::Invalid { field: "reason", problem: "is empty: the owner reads it" });
        }
        self.require_judged(actor, case_id).await?;
        retry!(self.decide_once(actor, case_id, decision, &reason))
    }

    async fn decide_once(&self, actor: &Actor, case_id: &str, decision: Decision, reason: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let case = moderation::lock(&mut tx, case_id).await?.ok_or(NO_CASE)?;
        if decision != Decision::Approve {
            may_act_on(&mut tx, actor, &case.owner_id).await?;
        }
        let decided = Decided { decision: decision.name(), reason: Some(reason), by: actor.id() };
        if !moderation::decide(&mut tx, case_id, moment.now, decided).await? {
            return Err(NO_CASE);
        }
        match decision {
            Decision::Approve => show(&mut tx, &case).await?,
            Decision::Warn => {}
            Decision::Hide => hide(&mut tx, &moment, &case, reason).await?,
            Decision::Remove => remove(&mut tx, &moment, &case, reason).await?,
            Decision::Ban => {
                remove(&mut tx, &moment, &case, reason).await?;
                ban(&mut tx, &moment, &case.owner_id).await?;
            }
        }
        if decision != Decision::Approve {
            let noted = NewFound {
                user_id: &case.owner_id,
                case_id: Some(case_id),
                job_id: None,
                stage: "review",
                category: &case.category,
                decision: decision.name(),
                reviewer_id: Some(actor.id()),
                strikes: decision.strikes(),
            };
            strikes::insert(&mut tx, &moment, noted).await?;
            safety::suspend_if_due(&mut tx, &moment, &case.owner_id).await?;
        }
        let detail = serde_json::json!({ "case": case_id, "decision": decision.name(), "category": case.category }).to_string();
        let target = (case.target_kind.as_str(), case.target_id.as_str());
        audit::append(&mut tx, &moment, actor.record("moderation.decide", Some(target), &detail)).await?;
        Ok(tx.commit().await?)
    }
}

/// Nobody decides about their own, or about who is of their rank or above.
async fn may_act_on(tx: &mut Tx, actor: &Actor, owner_id: &str) -> Result<(), PlatformError> {
    if actor.id() == owner_id {
        return Err(PlatformError::Forbidden("nobody decides about their own"));
    }
    let owner = users::lock(tx, owner_id).await?;
    if owner.is_some_and(|owner| owner.role != Role::User && !actor.stands_above(owner.role)) {
        return Err(PlatformError::Forbidden("they are of the same rank or above"));
    }
    Ok(())
}

/// Takes a thing out of everybody's sight.
async fn hide(tx: &mut Tx, moment: &Moment<'_>, case: &Case, reason: &str) -> Result<(), PlatformError> {
    match case.target_kind.as_str() {
        "image" => {
            images::set_hidden(tx, &case.target_id, Some((moment.now, reason))).await?;
        }
        "comment" => set_comment_hidden(tx, &case.target_id, Some((moment, reason))).await?,
        _ => {
            profiles::set_bio(tx, &case.target_id, moment.now, None).await?;
        }
    }
    Ok(())
}

/// Shows it again.
pub(super) async fn show(tx: &mut Tx, case: &Case) -> Result<(), PlatformError> {
    match case.target_kind.as_str() {
        "image" => {
            images::set_hidden(tx, &case.target_id, None).await?;
        }
        "comment" => set_comment_hidden(tx, &case.target_id, None).await?,
        _ => {}
    }
    Ok(())
}

/// A picture goes to the trash, from where only an appeal brings it back. A comment is hidden for as long as its owner may object.
async fn remove(tx: &mut Tx, moment: &Moment<'_>, case: &Case, reason: &str) -> Result<(), PlatformError> {
    hide(tx, moment, case, reason).await?;
    if case.target_kind == "image" {
        trash::throw_away(tx, &case.owner_id, &case.target_id, moment.now, moment.now.after(REMOVED_FOR)).await?;
    }
    Ok(())
}

/// Who is banned cannot log in, and shows nothing any more.
async fn ban(tx: &mut Tx, moment: &Moment<'_>, user_id: &str) -> Result<(), PlatformError> {
    users::set_active(tx, user_id, moment.now, false).await?;
    sessions::revoke_all(tx, user_id, moment.now, "ban").await?;
    images::withdraw_all(tx, user_id).await?;
    Ok(())
}

async fn set_comment_hidden(tx: &mut Tx, id: &str, hidden: Option<(&Moment<'_>, &str)>) -> Result<(), PlatformError> {
    let Some(image_id) = comments::image_of(tx, id).await? else { return Ok(()) };
    let Some(image) = images::lock(tx, &image_id).await? else { return Ok(()) };
    comments::set_hidden(tx, id, hidden.map(|(moment, reason)| (moment.now, reason))).await?;
    let counted = comments::count(tx, &image_id).await?;
    social::change_sums(tx, &image, 0, counted - image.comment_count).await?;
    Ok(())
}
