//! Which versions of which papers people have agreed to. What was given stays: each version has its own row.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// That somebody agreed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Consent {
    /// `terms` or `privacy`.
    pub document: String,
    /// What the operator called it.
    pub version: String,
    /// When.
    pub given_at: Timestamp,
}

/// Notes that somebody agrees. Whether they had not before.
pub async fn note(tx: &mut Tx, now: Timestamp, user_id: &str, document: &str, version: &str) -> Result<bool, StoreError> {
    let text = "INSERT INTO consents (user_id, document, version, given_at) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (user_id, document, version) DO NOTHING";
    query(tx, text).bind(user_id).bind(document).bind(version).bind(now).changed().await
}

const OF_USER: &str =
    "SELECT document, version, given_at FROM consents WHERE user_id = $1 ORDER BY given_at DESC, document, version";

/// What somebody has agreed to, newest first.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<Consent>, StoreError> {
    query(db, OF_USER).bind(user_id).all().await
}

/// The same in a transaction, as whatever depends on it sees it.
pub async fn of_user_in(tx: &mut Tx, user_id: &str) -> Result<Vec<Consent>, StoreError> {
    query(tx, OF_USER).bind(user_id).all().await
}
