//! Ranks, and what each may do.
//!
//! The one rule that matters most: nobody acts on somebody of their own rank or above, and nobody gives a rank they do not stand above;
//! superusers stand above everybody, themselves excepted. There is always one superuser left who can log in.

use easel_store::{
    audit, images, sessions,
    users::{self, Role, User},
};
use serde::Serialize;

use super::{Accounts, Actor};
use crate::{PlatformError, context::retry};

/// Things that not everybody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Hide others' public pictures.
    ModerateImages,
    /// See others' accounts.
    ReadUsers,
    /// Suspend others, change their plan and role.
    ManageUsers,
    /// Correct others' credits.
    AdjustCredits,
    /// See the record of what was done.
    ReadAudit,
    /// See everybody's jobs, the devices, and sums.
    ReadServer,
    /// See and change the server's settings.
    ManageServer,
}

impl Permission {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::ModerateImages,
        Self::ReadUsers,
        Self::ManageUsers,
        Self::AdjustCredits,
        Self::ReadAudit,
        Self::ReadServer,
        Self::ManageServer,
    ];

    /// The least role that has it.
    pub fn least_role(self) -> Role {
        match self {
            Self::ModerateImages => Role::Moderator,
            Self::ReadUsers | Self::ManageUsers | Self::AdjustCredits | Self::ReadAudit | Self::ReadServer => Role::Admin,
            Self::ManageServer => Role::Superuser,
        }
    }

    /// Whether a role has it.
    pub fn is_of(self, role: Role) -> bool {
        role >= self.least_role()
    }
}

impl Actor {
    /// Whether they may act on somebody else of this role.
    pub(crate) fn stands_above(&self, other: Role) -> bool {
        self.role == Role::Superuser || self.role > other
    }
}

impl Accounts {
    /// Gives somebody another role. Their sessions and keys end.
    pub async fn set_role(&self, actor: &Actor, user_id: &str, role: Role) -> Result<(), PlatformError> {
        retry!(self.set_role_once(actor, user_id, role))
    }

    async fn set_role_once(&self, actor: &Actor, user_id: &str, role: Role) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let user = self.acted_on(&mut tx, actor, user_id).await?;
        if !actor.stands_above(role) {
            return Err(PlatformError::Forbidden("nobody gives a role they do not stand above"));
        }
        users::set_role(&mut tx, user_id, moment.now, role).await?;
        Self::one_superuser_left(&mut tx, &user).await?;
        let detail = serde_json::json!({ "from": user.role, "to": role }).to_string();
        audit::append(&mut tx, &moment, actor.record("user.role", Some(("user", user_id)), &detail)).await?;
        Ok(tx.commit().await?)
    }

    /// Lets somebody in again or no longer. Their sessions and keys end either way.
    pub async fn set_active(&self, actor: &Actor, user_id: &str, active: bool) -> Result<(), PlatformError> {
        retry!(self.set_active_once(actor, user_id, active))
    }

    async fn set_active_once(&self, actor: &Actor, user_id: &str, active: bool) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let user = self.acted_on(&mut tx, actor, user_id).await?;
        if active && user.deleted_at.is_some() {
            return Err(PlatformError::Forbidden("they asked to be forgotten"));
        }
        users::set_active(&mut tx, user_id, moment.now, active).await?;
        sessions::revoke_all(&mut tx, user_id, moment.now, "admin").await?;
        if !active {
            images::withdraw_all(&mut tx, user_id).await?;
        }
        Self::one_superuser_left(&mut tx, &user).await?;
        let detail = serde_json::json!({ "active": active }).to_string();
        audit::append(&mut tx, &moment, actor.record("user.active", Some(("user", user_id)), &detail)).await?;
        Ok(tx.commit().await?)
    }

    /// Puts somebody on another plan, until then or for good.
    pub async fn set_plan(
        &self,
        actor: &Actor,
        user_id: &str,
        plan: &str,
        ends_at: Option<easel_store::Timestamp>,
    ) -> Result<(), PlatformError> {
        actor.require(Permission::ManageUsers.least_role())?;
        let plan = &self.catalogue.find(plan).ok_or(PlatformError::NotFound("plan"))?.name;
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        if !users::set_plan(&mut tx, user_id, moment.now, plan, ends_at).await? {
            return Err(PlatformError::NotFound("user"));
        }
        let detail = serde_json::json!({ "plan": plan, "ends_at": ends_at }).to_string();
        audit::append(&mut tx, &moment, actor.record("user.plan", Some(("user", user_id)), &detail)).await?;
        tx.commit().await?;
        self.desk.grant_periods(&self.get(user_id).await?).await
    }

    /// Somebody whom the actor may act on, locked until the transaction ends.
    pub(super) async fn acted_on(&self, tx: &mut easel_store::Tx, actor: &Actor, user_id: &str) -> Result<User, PlatformError> {
        actor.require(Permission::ManageUsers.least_role())?;
        let user = users::lock(tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        if user.id == actor.id() {
            return Err(PlatformError::Forbidden("nobody changes their own rank"));
        }
        if !actor.stands_above(user.role) {
            return Err(PlatformError::Forbidden("they are of the same rank or above"));
        }
        Ok(user)
    }

    async fn one_superuser_left(tx: &mut easel_store::Tx, changed: &User) -> Result<(), PlatformError> {
        if changed.role == Role::Superuser && users::count_active(tx, Role::Superuser).await? == 0 {
            return Err(PlatformError::Forbidden("one superuser must be left"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_role_has_every_permission_of_a_lower_one() {
        for &permission in Permission::ALL {
            let has: Vec<bool> = Role::ALL.iter().map(|&role| permission.is_of(role)).collect();
            assert!(has.is_sorted(), "{permission:?}: {has:?}");
            assert!(has[3] && !has[0], "{permission:?}");
        }
    }
}
