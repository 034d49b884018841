//! Prompts that people no longer want to be shown among their earlier ones. The prompts themselves are in `jobs`.

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// Stands for all of somebody's prompts.
pub const ALL: &str = "*";

/// What somebody wants forgotten, and up to when.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<(String, Timestamp)>, StoreError> {
    query(db, "SELECT digest, forgotten_at FROM forgotten_prompts WHERE user_id = $1 ORDER BY digest").bind(user_id).all().await
}

/// Forgets one prompt, or [`ALL`], up to now.
pub async fn insert(tx: &mut Tx, user_id: &str, digest: &str, now: Timestamp) -> Result<(), StoreError> {
    let text = "INSERT INTO forgotten_prompts (user_id, digest, forgotten_at) VALUES ($1, $2, $3) \
                ON CONFLICT (user_id, digest) DO UPDATE SET forgotten_at = excluded.forgotten_at";
    query(tx, text).bind(user_id).bind(digest).bind(now).run().await?;
    Ok(())
}

/// Single prompts need not be remembered as forgotten once all are.
pub async fn delete_of(tx: &mut Tx, user_id: &str) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM forgotten_prompts WHERE user_id = $1").bind(user_id).run().await
}
