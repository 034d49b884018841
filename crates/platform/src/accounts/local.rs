//! The built-in account of a server that one person uses on their own machine.
//!
//! It has no password and no address, so nobody can log in as it, register it or reset it; it has no API keys (`Plan::local`), so nothing of it
//! works from elsewhere. Who may act as it is the HTTP side's to say; that it ends with the first administrator is said here.

use std::sync::atomic::Ordering;

use easel_store::{
    StoreError,
    users::{self, Role, User},
};

use super::Accounts;
use crate::{PlatformError, plans::LOCAL_PLAN};

/// Its id: a UUID nobody draws.
pub const LOCAL_ID: &str = "00000000-0000-7000-8000-000000000000";

/// Neither a user name nor an address that anybody can register.
const NAME: &str = "@local";

impl Accounts {
    /// The built-in account, made if it is not there.
    pub async fn local(&self) -> Result<User, PlatformError> {
        if let Some(user) = users::by_id(&self.context.db, LOCAL_ID).await? {
            return Ok(user);
        }
        let now = self.context.now();
        let user = User {
            id: LOCAL_ID.to_owned(),
            email: NAME.to_owned(),
            username: NAME.to_owned(),
            password_hash: None,
            full_name: None,
            avatar_key: None,
            locale: None,
            role: Role::User,
            plan: LOCAL_PLAN.to_owned(),
            plan_ends_at: None,
            is_active: true,
            is_verified: true,
            auth_epoch: 0,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            organization_id: None,
        };
        let mut tx = self.context.db.begin().await?;
        match users::insert(&mut tx, &user).await {
            Ok(()) => tx.commit().await?,
            // Another request was first.
            Err(StoreError::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.get(LOCAL_ID).await
    }

    /// Whether somebody administers this server. Once somebody does, somebody always will: one superuser is always left.
    pub async fn has_administrator(&self) -> Result<bool, PlatformError> {
        if self.administered.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let mut tx = self.context.db.begin_read().await?;
        let found = users::count_active(&mut tx, Role::Admin).await? > 0;
        self.administered.store(found, Ordering::Relaxed);
        Ok(found)
    }
}
