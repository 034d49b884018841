//! Tokens that are sent by mail and are good once: to prove an address, to choose a new password. Only hashes are stored.

use crate::{StoreError, Timestamp, Tx, query::query};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The address belongs to the user.
    VerifyEmail,
    /// The user chooses a new password.
    ResetPassword,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
        }
    }
}

/// A token to be sent.
#[derive(Debug, Clone, Copy)]
pub struct NewToken<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// What for.
    pub purpose: Purpose,
    /// Where it is sent.
    pub email: &'a str,
    /// SHA-256 in hexadecimal.
    pub hash: &'a str,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// A new token; those of the same purpose that were sent before are good no more.
pub async fn insert(tx: &mut Tx, now: Timestamp, token: NewToken<'_>) -> Result<(), StoreError> {
    let NewToken { user_id, purpose, email, hash, expires_at } = token;
    let text = "DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL";
    query(&mut *tx, text).bind(user_id).bind(purpose.name()).run().await?;
    let text = "INSERT INTO mail_tokens (hash, user_id, purpose, email, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    query(tx, text).bind(hash).bind(user_id).bind(purpose.name()).bind(email).bind(now).bind(expires_at).run().await?;
    Ok(())
}

/// Uses a token up: whose it is and which address it was sent to. Of any number of attempts one gets it.
pub async fn redeem(tx: &mut Tx, purpose: Purpose, hash: &str, now: Timestamp) -> Result<Option<(String, String)>, StoreError> {
    let text = "UPDATE mail_tokens SET used_at = $3 WHERE hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 \
                RETURNING user_id, email";
    query(tx, text).bind(hash).bind(purpose.name()).bind(now).optional().await
}

/// Removes those that ended before.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM mail_tokens WHERE expires_at < $1").bind(before).run().await
}
