//! Sessions: an access token that lets in for minutes, and a refresh token that is exchanged for both.
//!
//! A refresh token is good once. If one comes back that was exchanged before, somebody has a copy, and nobody can tell who: the whole session
//! ends (RFC 9700, section 4.14.2). A session ends at its own time however often it is refreshed, and at once when its user's `auth_epoch` is
//! raised.

use easel_store::{
    Timestamp, Tx, audit,
    sessions::{self, Session, TokenKind},
    users::{self, User},
};
use serde::Serialize;

use super::{Accounts, Actor, Origin, token, token_hash};
use crate::PlatformError;

/// What lets somebody in. Shown once, stored nowhere.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Lets in.
    pub access: String,
    /// Until when.
    pub access_expires_at: Timestamp,
    /// Is exchanged for new ones, once.
    pub refresh: String,
    /// Until when.
    pub refresh_expires_at: Timestamp,
}

impl std::fmt::Debug for Tokens {
    /// Without the tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("access_expires_at", &self.access_expires_at).finish_non_exhaustive()
    }
}

/// Who was let in, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// Who.
    pub user: User,
    /// The session, if it was one.
    pub session_id: Option<String>,
    /// What an API key allows; `None` for a session, which allows everything its user may do.
    pub scopes: Option<Vec<super::Scope>>,
    /// The API key, if it was one.
    pub key_id: Option<String>,
}

impl Accounts {
    pub(crate) async fn begin_session(
        &self,
        tx: &mut Tx,
        user: &User,
        origin: Origin<'_>,
    ) -> Result<(Tokens, String), PlatformError> {
        let now = self.context.now();
        let session = Session {
            id: self.context.ids.next(now),
            user_id: user.id.clone(),
            auth_epoch: user.auth_epoch,
            user_agent: origin.user_agent.map(audit::plain_agent),
            ip: (!origin.ip.is_empty()).then(|| origin.ip.to_owned()),
            created_at: now,
            last_used_at: now,
            expires_at: now.after(self.settings.session_ttl),
            revoked_at: None,
            revoked_reason: None,
        };
        sessions::insert(tx, &session).await?;
        Ok((self.issue(tx, &session, now).await?, session.id))
    }

    async fn issue(&self, tx: &mut Tx, session: &Session, now: Timestamp) -> Result<Tokens, PlatformError> {
        let (access, access_hash) = token(&*self.context.secrets, "ea");
        let (refresh, refresh_hash) = token(&*self.context.secrets, "er");
        let access_expires_at = now.after(self.settings.access_ttl).min(session.expires_at);
        let refresh_expires_at = now.after(self.settings.refresh_ttl).min(session.expires_at);
        sessions::insert_token(tx, &session.id, TokenKind::Access, &access_hash, now, access_expires_at).await?;
        sessions::insert_token(tx, &session.id, TokenKind::Refresh, &refresh_hash, now, refresh_expires_at).await?;
        Ok(Tokens { access, access_expires_at, refresh, refresh_expires_at })
    }

    /// Who an access token lets in.
    pub async fn authenticate(&self, access: &str) -> Result<Authenticated, PlatformError> {
        let now = self.context.now();
        let session = sessions::by_access_token(&self.context.db, &token_hash(access), now).await?;
        let session = session.ok_or(PlatformError::Unauthenticated)?;
        let user = self.may_enter(&session.user_id, session.auth_epoch).await?;
        Ok(Authenticated { user, session_id: Some(session.id), scopes: None, key_id: None })
    }

    /// The user, if they are active and nothing has ended what was made at this epoch.
    pub(super) async fn may_enter(&self, user_id: &str, auth_epoch: i64) -> Result<User, PlatformError> {
        let user = users::by_id(&self.context.db, user_id).await?;
        user.filter(|user| user.is_active && user.auth_epoch == auth_epoch).ok_or(PlatformError::Unauthenticated)
    }

    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// [`PlatformError::Unauthenticated`]; if the token was exchanged before, its session has ended too.
    pub async fn refresh(&self, refresh: &str) -> Result<Tokens, PlatformError> {
        let hash = token_hash(refresh);
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let found = sessions::lock_refresh_token(&mut tx, &hash).await?.ok_or(PlatformError::Unauthenticated)?;
        let session = sessions::by_id(&mut tx, &found.session_id).await?.ok_or(PlatformError::Unauthenticated)?;
        if found.used_at.is_some() {
            if sessions::revoke(&mut tx, &session.id, moment.now, "reuse").await? {
                // Whoever it was had the user's token, and nothing of the user's rank.
                let actor = Actor {
                    id: session.user_id.clone(),
                    role: users::Role::User,
                    kind: "user",
                    ip: None,
                    user_agent: None,
                    request_id: None,
                };
                audit::append(&mut tx, &moment, actor.record("session.reuse", Some(("session", &session.id)), "{}")).await?;
            }
            tx.commit().await?;
            return Err(PlatformError::Unauthenticated);
        }
        if found.expires_at <= moment.now || session.revoked_at.is_some() || session.expires_at <= moment.now {
            return Err(PlatformError::Unauthenticated);
        }
        let user = users::lock(&mut tx, &session.user_id).await?;
        user.filter(|user| user.is_active && user.auth_epoch == session.auth_epoch).ok_or(PlatformError::Unauthenticated)?;
        sessions::use_refresh_token(&mut tx, &hash, &session.id, moment.now).await?;
        let tokens = self.issue(&mut tx, &session, moment.now).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// Ends the session an access token belongs to.
    pub async fn logout(&self, access: &str) -> Result<(), PlatformError> {
        let now = self.context.now();
        let session = sessions::by_access_token(&self.context.db, &token_hash(access), now).await?;
        let session = session.ok_or(PlatformError::Unauthenticated)?;
        let mut tx = self.context.db.begin().await?;
        sessions::revoke(&mut tx, &session.id, now, "logout").await?;
        Ok(tx.commit().await?)
    }

    /// A user's sessions that have not ended.
    pub async fn sessions(&self, user: &User) -> Result<Vec<Session>, PlatformError> {
        let all = sessions::of_user(&self.context.db, &user.id, self.context.now()).await?;
        Ok(all.into_iter().filter(|session| session.auth_epoch == user.auth_epoch).collect())
    }

    /// Ends one of a user's sessions.
    pub async fn end_session(&self, user_id: &str, session_id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let session = sessions::by_id(&mut tx, session_id).await?.filter(|session| session.user_id == user_id);
        session.ok_or(PlatformError::NotFound("session"))?;
        sessions::revoke(&mut tx, session_id, self.context.now(), "logout").await?;
        Ok(tx.commit().await?)
    }
}
