//! Sessions: a family of tokens for each login. Only hashes of tokens are stored.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query, sql::sql};

/// One login.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Session {
    /// Its name.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// The user's value when it began; good as long as they agree.
    #[serde(skip)]
    pub auth_epoch: i64,
    /// What the program called itself.
    pub user_agent: Option<String>,
    /// Where it came from.
    pub ip: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends, however often it is refreshed.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
    /// `logout`, `reuse`, `admin`.
    pub revoked_reason: Option<String>,
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Lets in.
    Access,
    /// Is exchanged for new ones, once.
    Refresh,
}

impl TokenKind {
    fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

/// A token's row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Token {
    /// Its session.
    pub session_id: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was exchanged.
    pub used_at: Option<Timestamp>,
}

const COLUMNS: &str = "SELECT id, user_id, auth_epoch, user_agent, ip, created_at, last_used_at, expires_at, revoked_at, revoked_reason FROM sessions ";

/// A new session.
pub async fn insert(tx: &mut Tx, session: &Session) -> Result<(), StoreError> {
    let text = "INSERT INTO sessions (id, user_id, auth_epoch, user_agent, ip, created_at, last_used_at, expires_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    query(tx, text)
        .bind(&session.id)
        .bind(&session.user_id)
        .bind(session.auth_epoch)
        .bind(session.user_agent.as_deref())
        .bind(session.ip.as_deref())
        .bind(session.created_at)
        .bind(session.last_used_at)
        .bind(session.expires_at)
        .run()
        .await?;
    Ok(())
}

/// A new token of a session, by its hash.
pub async fn insert_token(
    tx: &mut Tx,
    session_id: &str,
    kind: TokenKind,
    hash: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let text = "INSERT INTO session_tokens (hash, session_id, kind, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
    query(tx, text).bind(hash).bind(session_id).bind(kind.name()).bind(now).bind(expires_at).run().await?;
    Ok(())
}

/// The session that an access token opens, if the token is still good.
pub async fn by_access_token(db: &Db, hash: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
    query(db, COLUMNS)
        .push("WHERE revoked_at IS NULL AND expires_at > ")
        .push_bind(now)
        .push(" AND id = (SELECT session_id FROM session_tokens WHERE kind = 'access' AND hash = ")
        .push_bind(hash)
        .push(" AND expires_at > ")
        .push_bind(now)
        .push(")")
        .optional()
        .await
}

/// A refresh token, locked with its row, so that of two that exchange it at once one sees that it is used.
pub async fn lock_refresh_token(tx: &mut Tx, hash: &str) -> Result<Option<Token>, StoreError> {
    let text = sql![
        "SELECT session_id, expires_at, used_at FROM session_tokens WHERE hash = $1 AND kind = 'refresh'", postgres " FOR UPDATE"
    ];
    query(tx, text).bind(hash).optional().await
}

/// Marks a refresh token as exchanged; the session's access tokens so far end.
pub async fn use_refresh_token(tx: &mut Tx, hash: &str, session_id: &str, now: Timestamp) -> Result<(), StoreError> {
    query(&mut *tx, "UPDATE session_tokens SET used_at = $2 WHERE hash = $1").bind(hash).bind(now).run().await?;
    query(&mut *tx, "DELETE FROM session_tokens WHERE session_id = $1 AND kind = 'access'").bind(session_id).run().await?;
    query(tx, "UPDATE sessions SET last_used_at = $2 WHERE id = $1").bind(session_id).bind(now).run().await?;
    Ok(())
}

/// A session.
pub async fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Session>, StoreError> {
    query(tx, COLUMNS).push("WHERE id = ").push_bind(id).optional().await
}

/// A user's sessions that have not ended, newest first.
pub async fn of_user(db: &Db, user_id: &str, now: Timestamp) -> Result<Vec<Session>, StoreError> {
    query(db, COLUMNS)
        .push("WHERE user_id = ")
        .push_bind(user_id)
        .push(" AND revoked_at IS NULL AND expires_at > ")
        .push_bind(now)
        .push(" ORDER BY created_at DESC, id DESC")
        .all()
        .await
}

/// Ends a session. Whether it had not ended before.
pub async fn revoke(tx: &mut Tx, id: &str, now: Timestamp, reason: &str) -> Result<bool, StoreError> {
    let text = "UPDATE sessions SET revoked_at = $2, revoked_reason = $3 WHERE id = $1 AND revoked_at IS NULL";
    query(tx, text).bind(id).bind(now).bind(reason).changed().await
}

/// Ends all of a user's.
pub async fn revoke_all(tx: &mut Tx, user_id: &str, now: Timestamp, reason: &str) -> Result<u64, StoreError> {
    let text = "UPDATE sessions SET revoked_at = $2, revoked_reason = $3 WHERE user_id = $1 AND revoked_at IS NULL";
    query(tx, text).bind(user_id).bind(now).bind(reason).run().await
}

/// Removes sessions and tokens that ended before, by themselves or not.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    query(&mut *tx, "DELETE FROM session_tokens WHERE expires_at < $1").bind(before).run().await?;
    query(tx, "DELETE FROM sessions WHERE expires_at < $1 OR revoked_at < $1").bind(before).run().await
}
