//! Logging in with a password.
//!
//! After a few failures for one account from one address, attempts are not even looked at for a while, longer each time. It is the pair that
//! waits: somebody who knows an address cannot lock its owner out. The answer, and the work behind it, are the same whether the account does
//! not exist, the password is wrong, or the account is not active.

use std::time::Duration;

use easel_store::{
    audit, login_failures,
    users::{self, User},
};
use sha2::{Digest, Sha256};

use super::{Accounts, Actor, Tokens, hex, password::Checked, register::normal_email};
use crate::PlatformError;

/// Where somebody logs in from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'a> {
    /// The address, as the outermost proxy we trust says.
    pub ip: &'a str,
    /// What the program calls itself.
    pub user_agent: Option<&'a str>,
    /// The request.
    pub request_id: Option<&'a str>,
}

/// The first wait.
const WAIT_FIRST: Duration = Duration::from_secs(30);

impl Accounts {
    /// Begins a session.
    ///
    /// # Errors
    /// [`PlatformError::Unauthenticated`] for any reason it cannot be, [`PlatformError::LoginBlocked`] after too many of those,
    /// [`PlatformError::Forbidden`] if only the proof of the address is missing, or if passwords are switched off.
    pub async fn login(&self, email: &str, password: &str, origin: Origin<'_>) -> Result<(User, Tokens), PlatformError> {
        self.require_passwords()?;
        let subject = subject(email, origin.ip);
        self.begin_attempt(&subject).await?;
        let user = match normal_email(email) {
            Ok(email) => users::by_email(&self.context.db, &email).await?,
            Err(_) => None,
        };
        let stored = user.as_ref().and_then(|user| user.password_hash.as_deref());
        let checked = self.passwords.check(password, stored, &*self.context.secrets).await?;
        let (Some(user), Checked::Right { rehashed }) = (user.filter(|user| user.is_active), checked) else {
            return Err(PlatformError::Unauthenticated);
        };
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        login_failures::clear(&mut tx, &subject).await?;
        if let (Some(better), Some(old)) = (rehashed, &user.password_hash) {
            users::rehash(&mut tx, &user.id, old, &better).await?;
        }
        if self.must_verify(&user) {
            tx.commit().await?;
            return Err(PlatformError::Forbidden("the e-mail address is not proved yet"));
        }
        let (tokens, session_id) = self.begin_session(&mut tx, &user, origin).await?;
        let actor = Actor::at(&user, origin);
        audit::append(&mut tx, &moment, actor.record("user.login", Some(("session", &session_id)), "{}")).await?;
        tx.commit().await?;
        Ok((user, tokens))
    }

    /// Whether somebody must prove their address before they log in.
    pub(crate) fn must_verify(&self, user: &User) -> bool {
        self.settings.verification_required && !user.is_verified
    }

    /// Counts an attempt as failed before it is looked at, so that of many at once no more are looked at than one after another; the one that
    /// succeeds takes the count back.
    async fn begin_attempt(&self, subject: &str) -> Result<(), PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        let counted = login_failures::add(&mut tx, subject, now, now.before(self.settings.failures_window)).await?;
        if counted.blocked_until > now {
            // Not looked at, and so not counted: the transaction is dropped.
            return Err(PlatformError::LoginBlocked { retry_after: now.until(counted.blocked_until) });
        }
        if let Some(wait) = wait_after(counted.failures - self.settings.failures_free, self.settings.failures_window) {
            login_failures::block(&mut tx, subject, now.after(wait)).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// 30 s after the last free failure, twice as long after each further one.
fn wait_after(beyond: i64, longest: Duration) -> Option<Duration> {
    let doublings = u32::try_from(beyond).ok()?.min(16);
    Some((WAIT_FIRST * 2_u32.pow(doublings)).min(longest))
}

/// What failures are counted for. Hashed: the table names nobody.
fn subject(email: &str, ip: &str) -> String {
    hex(&Sha256::new().chain_update(email.trim().to_lowercase()).chain_update([0]).chain_update(ip).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_the_longest() {
        let longest = Duration::from_secs(900);
        let waits: Vec<_> = [-4, -1, 0, 1, 2, 5, 100].map(|beyond| wait_after(beyond, longest).map(|wait| wait.as_secs())).into();
        assert_eq!(waits, [None, None, Some(30), Some(60), Some(120), Some(900), Some(900)]);
    }
}
