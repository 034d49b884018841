//! Logins at identity providers under way: written when a browser is sent there, taken once when it comes back.

use crate::{StoreError, Timestamp, Tx, query::query};

/// A login under way.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SignIn {
    /// SHA-256 of `state` in hexadecimal.
    pub state_hash: String,
    /// Where the browser was sent.
    pub provider: String,
    /// SHA-256 of what the browser keeps in a cookie.
    pub browser_hash: String,
    /// Nonce and verifier, sealed.
    pub sealed: String,
    /// Who wants the identity added; `None` for a login.
    pub user_id: Option<String>,
    /// A path of ours.
    pub return_to: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it is too late.
    pub expires_at: Timestamp,
}

/// A new one.
pub async fn insert(tx: &mut Tx, sign_in: &SignIn) -> Result<(), StoreError> {
    let text = "INSERT INTO sign_ins (state_hash, provider, browser_hash, sealed, user_id, return_to, created_at, expires_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    query(tx, text)
        .bind(&sign_in.state_hash)
        .bind(&sign_in.provider)
        .bind(&sign_in.browser_hash)
        .bind(&sign_in.sealed)
        .bind(sign_in.user_id.as_deref())
        .bind(&sign_in.return_to)
        .bind(sign_in.created_at)
        .bind(sign_in.expires_at)
        .run()
        .await?;
    Ok(())
}

/// Takes one: of any number of browsers that come back with the same state, one gets it.
pub async fn take(tx: &mut Tx, state_hash: &str) -> Result<Option<SignIn>, StoreError> {
    let text = "DELETE FROM sign_ins WHERE state_hash = $1 \
                RETURNING state_hash, provider, browser_hash, sealed, user_id, return_to, created_at, expires_at";
    query(tx, text).bind(state_hash).optional().await
}

/// Removes those that nobody came back from.
pub async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM sign_ins WHERE expires_at <= $1").bind(now).run().await
}
