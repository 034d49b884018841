//! What somebody has stored, and how much their plan lets them.

use easel_store::{images, user_limits, users::User};
use serde::Serialize;

use super::Gallery;
use crate::PlatformError;

/// What somebody has stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Storage {
    /// Pictures and bytes, and those of them that are in the trash: what is there counts until it is removed.
    #[serde(flatten)]
    pub stored: images::Stored,
    /// What the plan allows, or an administrator in its place; `None` is any amount.
    pub bytes_max: Option<i64>,
    /// The plan.
    pub plan: String,
}

impl Gallery {
    /// What a user has stored, and how much they may.
    pub async fn storage(&self, user: &User) -> Result<Storage, PlatformError> {
        let plan = self.catalogue.of(user, self.context.now());
        let stored = images::stored(&self.context.db, &user.id).await?;
        let own = user_limits::of_user(&self.context.db, &user.id).await?.unwrap_or_default();
        Ok(Storage { stored, bytes_max: own.storage_bytes_max.or(plan.storage_bytes_max), plan: plan.name.clone() })
    }
}
