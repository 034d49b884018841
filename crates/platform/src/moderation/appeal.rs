//! Objecting to a decision, once, and taking a decision back.

use easel_store::{
    Moment, Tx, audit,
    moderation::{self, Case},
    strikes, trash, users,
};

use super::{Moderation, NO_CASE, decide};
use crate::{
    PlatformError,
    accounts::{Actor, Permission},
    context::retry,
    texts,
};

impl Moderation {
    /// Says something against a decision about one's own, once and in time: the case waits again, behind those that were there before it.
    pub async fn appeal(&self, user_id: &str, case_id: &str, text: &str) -> Result<(), PlatformError> {
        let text = texts::something("objection", text, 2000, true)?;
        retry!(self.appeal_once(user_id, case_id, &text))
    }

    async fn appeal_once(&self, user_id: &str, case_id: &str, text: &str) -> Result<(), PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        let case = moderation::lock(&mut tx, case_id).await?.filter(|case| case.owner_id == user_id).ok_or(NO_CASE)?;
        if case.decision.as_deref().is_none_or(|decision| decision == "approve") {
            return Err(NO_CASE);
        }
        if case.decided_at.is_none_or(|at| at.after(self.settings.appeal_within) <= now) {
            return Err(PlatformError::Forbidden("the time to object is over"));
        }
        // A thing of which there is another open case waits for that one.
        if case.state != "decided" || moderation::is_open(&mut tx, &case.target_kind, &case.target_id).await? {
            return Err(PlatformError::Forbidden("it is being decided, or was for good"));
        }
        moderation::appeal(&mut tx, case_id, now, text, now.0).await?;
        Ok(tx.commit().await?)
    }

    /// Decides for good: the decision stands, or is taken back with everything it did. What was not objected to can be taken back by a
    /// moderator; objections are an admin's, and not of the one who decided.
    pub async fn close(&self, actor: &Actor, case_id: &str, overturn: bool) -> Result<(), PlatformError> {
        actor.require(Permission::ModerateImages.least_role())?;
        self.require_judged(actor, case_id).await?;
        retry!(self.close_once(actor, case_id, overturn))
    }

    async fn close_once(&self, actor: &Actor, case_id: &str, overturn: bool) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let case = moderation::lock(&mut tx, case_id).await?.ok_or(NO_CASE)?;
        let banned = case.decision.as_deref() == Some("ban");
        if case.state == "appealed" || banned {
            actor.require(Permission::ManageUsers.least_role())?;
        }
        if case.state == "appealed" && case.decided_by.as_deref() == Some(actor.id()) {
            return Err(PlatformError::Forbidden("somebody else judges an objection"));
        }
        if actor.id() == case.owner_id {
            return Err(PlatformError::Forbidden("nobody decides about their own"));
        }
        if !moderation::close(&mut tx, case_id, moment.now, overturn).await? {
            return Err(NO_CASE);
        }
        if overturn {
            undo(&mut tx, &moment, &case, banned).await?;
        }
        let detail = serde_json::json!({ "case": case_id, "overturned": overturn }).to_string();
        let target = (case.target_kind.as_str(), case.target_id.as_str());
        audit::append(&mut tx, &moment, actor.record("moderation.close", Some(target), &detail)).await?;
        Ok(tx.commit().await?)
    }
}

/// What the decision did is undone: the thing is as it was, but that its owner has to publish what was removed again.
async fn undo(tx: &mut Tx, moment: &Moment<'_>, case: &Case, banned: bool) -> Result<(), PlatformError> {
    decide::show(tx, case).await?;
    if case.target_kind == "image" && matches!(case.decision.as_deref(), Some("remove" | "ban")) {
        trash::restore(tx, &case.owner_id, &case.target_id, moment.now).await?;
    }
    strikes::lift(tx, &case.owner_id, Some(&case.id), moment.now).await?;
    if banned {
        let user = users::lock(tx, &case.owner_id).await?;
        if user.is_some_and(|user| user.deleted_at.is_none()) {
            users::set_active(tx, &case.owner_id, moment.now, true).await?;
        }
    }
    Ok(())
}
