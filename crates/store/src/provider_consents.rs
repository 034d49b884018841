//! Who lets their prompts leave this host, and to whom. Who has said nothing does not.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// What somebody has said.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Consent {
    /// Their prompts and pictures may leave this host.
    pub allow_external: bool,
    /// To these providers alone, space-separated; empty is any.
    pub providers: String,
    /// To providers of these regions alone, space-separated; empty is any.
    pub regions: String,
    /// When they said so.
    pub updated_at: Timestamp,
}

/// What somebody has said, if anything.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Option<Consent>, StoreError> {
    let text = "SELECT allow_external, providers, regions, updated_at FROM provider_consents WHERE user_id = $1";
    query(db, text).bind(user_id).optional().await
}

/// Notes what somebody says.
pub async fn put(tx: &mut Tx, user_id: &str, consent: &Consent) -> Result<(), StoreError> {
    let text = "INSERT INTO provider_consents (user_id, allow_external, providers, regions, updated_at) VALUES ($1, $2, $3, $4, $5) \
                ON CONFLICT (user_id) DO UPDATE SET allow_external = EXCLUDED.allow_external, providers = EXCLUDED.providers, \
                regions = EXCLUDED.regions, updated_at = EXCLUDED.updated_at";
    query(tx, text)
        .bind(user_id)
        .bind(consent.allow_external)
        .bind(&consent.providers)
        .bind(&consent.regions)
        .bind(consent.updated_at)
        .run()
        .await?;
    Ok(())
}
