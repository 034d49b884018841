//! Limits of one person in the place of their plan's.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// Somebody's own limits; what is `None` is as their plan says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, sqlx::FromRow, Serialize)]
pub struct Limits {
    /// Pictures a day (UTC).
    pub images_daily_max: Option<i64>,
    /// Jobs that have not ended.
    pub jobs_open_max: Option<i64>,
    /// Bytes of stored pictures.
    pub storage_bytes_max: Option<i64>,
}

const OF_USER: &str = "SELECT images_daily_max, jobs_open_max, storage_bytes_max FROM user_limits WHERE user_id = $1";

/// Somebody's, if they have any.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Option<Limits>, StoreError> {
    query(db, OF_USER).bind(user_id).optional().await
}

/// The same in a transaction, as whatever depends on it sees it.
pub async fn of_user_in(tx: &mut Tx, user_id: &str) -> Result<Option<Limits>, StoreError> {
    query(tx, OF_USER).bind(user_id).optional().await
}

/// Gives somebody limits of their own in place of those they had.
pub async fn put(tx: &mut Tx, now: Timestamp, user_id: &str, limits: Limits) -> Result<(), StoreError> {
    let text = "INSERT INTO user_limits (user_id, images_daily_max, jobs_open_max, storage_bytes_max, updated_at) VALUES ($1, $2, $3, $4, $5) \
                ON CONFLICT (user_id) DO UPDATE SET images_daily_max = EXCLUDED.images_daily_max, jobs_open_max = EXCLUDED.jobs_open_max, \
                storage_bytes_max = EXCLUDED.storage_bytes_max, updated_at = EXCLUDED.updated_at";
    query(tx, text)
        .bind(user_id)
        .bind(limits.images_daily_max)
        .bind(limits.jobs_open_max)
        .bind(limits.storage_bytes_max)
        .bind(now)
        .run()
        .await?;
    Ok(())
}

/// Takes them away: everything is as the plan says. Whether there were any.
pub async fn forget(tx: &mut Tx, user_id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM user_limits WHERE user_id = $1").bind(user_id).changed().await
}
