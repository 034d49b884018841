//! Limits of one person, in the place of their plan's: an administrator gives and takes them, with a reason for the record. The server's own
//! limit of pictures a day holds whatever is given.

use easel_store::{
    audit,
    user_limits::{self, Limits},
};

use super::{Accounts, Actor};
use crate::{PlatformError, context::retry};

/// Bytes of a reason.
const REASON_MAX: usize = 500;

impl Accounts {
    /// Somebody's own limits; nothing where they have none.
    pub async fn own_limits(&self, user_id: &str) -> Result<Limits, PlatformError> {
        self.get(user_id).await?;
        Ok(user_limits::of_user(&self.context.db, user_id).await?.unwrap_or_default())
    }

    /// Gives somebody limits of their own, or with none takes those they have. The same again changes nothing but the record.
    ///
    /// # Errors
    /// [`PlatformError::Forbidden`] for who does not stand above them, [`PlatformError::Invalid`] for a negative limit or no reason.
    pub async fn set_own_limits(&self, actor: &Actor, user_id: &str, limits: Limits, reason: &str) -> Result<(), PlatformError> {
        let invalid = |field, problem| Err(PlatformError::Invalid { field, problem });
        let all = [limits.images_daily_max, limits.jobs_open_max, limits.storage_bytes_max];
        if all.into_iter().flatten().any(|max| max < 0) {
            return invalid("limit", "must not be negative");
        }
        if reason.trim().is_empty() || reason.len() > REASON_MAX || reason.chars().any(char::is_control) {
            return invalid("reason", "must have 1 to 500 printable characters");
        }
        retry!(self.set_own_limits_once(actor, user_id, limits, reason))
    }

    async fn set_own_limits_once(&self, actor: &Actor, user_id: &str, limits: Limits, reason: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        // Their row is locked, as it is while what they order is counted.
        self.acted_on(&mut tx, actor, user_id).await?;
        if limits == Limits::default() {
            user_limits::forget(&mut tx, user_id).await?;
        } else {
            user_limits::put(&mut tx, moment.now, user_id, limits).await?;
        }
        let detail = serde_json::json!({ "limits": limits, "reason": reason }).to_string();
        audit::append(&mut tx, &moment, actor.record("user.limits", Some(("user", user_id)), &detail)).await?;
        Ok(tx.commit().await?)
    }
}
