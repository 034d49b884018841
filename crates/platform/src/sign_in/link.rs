//! Whose account a login elsewhere is.
//!
//! It is the account it is linked to, found by issuer and subject. Nothing is ever found by what can change hands or be made up: a person
//! whose login is not linked gets a **new** account, if the provider vouches for their address and nobody has it. Otherwise they log in to
//! the account they have and link it there. (An account that somebody else made in advance for an address they do not have must not become
//! shared when its owner comes: so an address that is not proved gives no account, and an account whose address is not proved is not linked.)

use easel_oidc::Claims;
use easel_store::{
    StoreError, Tx, audit,
    identities::{self, Identity},
    mails,
    users::{self, Role, User},
};

use super::{Offered, SignIn, SignInError, TheirPicture};
use crate::{
    PlatformError,
    accounts::{Actor, Origin, Tokens, acceptable, normal_email},
    context::retry,
};

impl SignIn {
    /// Links a login to somebody who is logged in, and tells them by mail.
    pub(super) async fn link(&self, name: &str, user_id: &str, claims: &Claims) -> Result<User, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let user = users::lock(&mut tx, user_id).await?.filter(|user| user.is_active).ok_or(PlatformError::Unauthenticated)?;
        match identities::find(&mut tx, &claims.issuer, &claims.subject).await? {
            Some(known) if known.user_id == user.id => {}
            Some(_) => return Err(SignInError::Linked.into()),
            None => self.insert(&mut tx, name, &user, claims).await?,
        }
        tx.commit().await?;
        Ok(user)
    }

    /// Takes a way in away, unless it is the last.
    pub async fn unlink(&self, user_id: &str, identity_id: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let user = users::lock(&mut tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        if !identities::delete(&mut tx, user_id, identity_id).await? {
            return Err(PlatformError::NotFound("linked login"));
        }
        if user.password_hash.is_none() && identities::count(&mut tx, user_id).await? == 0 {
            return Err(SignInError::LastWay.into());
        }
        let record = Actor::user(&user);
        audit::append(&mut tx, &moment, record.record("identity.unlink", Some(("identity", identity_id)), "{}")).await?;
        Ok(tx.commit().await?)
    }

    /// Logs somebody in, or makes an account for them.
    pub(super) async fn enter(
        &self,
        name: &str,
        offered: &Offered,
        claims: &Claims,
        origin: Origin<'_>,
    ) -> Result<(User, Tokens, Option<TheirPicture>), PlatformError> {
        match retry!(self.enter_once(name, offered, claims, origin)) {
            // Two browsers of the same person at once: the other has made the account.
            Err(PlatformError::SignIn(SignInError::Linked)) => self.enter_once(name, offered, claims, origin).await,
            entered => entered,
        }
    }

    async fn enter_once(
        &self,
        name: &str,
        offered: &Offered,
        claims: &Claims,
        origin: Origin<'_>,
    ) -> Result<(User, Tokens, Option<TheirPicture>), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let user = match identities::find(&mut tx, &claims.issuer, &claims.subject).await? {
            Some(known) => {
                let user = users::lock(&mut tx, &known.user_id).await?.filter(|user| user.is_active);
                self.told_again(&mut tx, &known, user.ok_or(PlatformError::Unauthenticated)?, claims).await?
            }
            None => self.newcomer(&mut tx, name, offered, claims).await?,
        };
        if self.accounts.must_verify(&user) {
            return Err(PlatformError::Forbidden("the e-mail address is not proved yet"));
        }
        let identity = identities::find(&mut tx, &claims.issuer, &claims.subject).await?;
        let picture = identity.and_then(|identity| TheirPicture::of(&user, &identity, claims));
        let (tokens, session_id) = self.accounts.begin_session(&mut tx, &user, origin).await?;
        let detail = serde_json::json!({ "provider": name }).to_string();
        let actor = Actor::at(&user, origin);
        audit::append(&mut tx, &moment, actor.record("user.login", Some(("session", &session_id)), &detail)).await?;
        tx.commit().await?;
        Ok((user, tokens, picture))
    }

    /// What the provider says now of somebody it has told of before. Their name here follows its own until they choose another; their address
    /// does not: it is theirs to change.
    async fn told_again(&self, tx: &mut Tx, known: &Identity, user: User, claims: &Claims) -> Result<User, PlatformError> {
        let now = self.context.now();
        let (email, name) = told(claims);
        let (email, name) = (email.or_else(|| known.email.clone()), name.or_else(|| known.name.clone()));
        identities::used(tx, &known.id, now, email.as_deref(), name.as_deref()).await?;
        if user.full_name != known.name || user.full_name == name {
            return Ok(user);
        }
        users::set_profile(tx, &user.id, now, &user.username, name.as_deref(), user.locale.as_deref()).await?;
        Ok(User { full_name: name, updated_at: now, ..user })
    }

    /// The account of somebody whose login is not linked.
    async fn newcomer(&self, tx: &mut Tx, name: &str, offered: &Offered, claims: &Claims) -> Result<User, PlatformError> {
        let email = normal_email(claims.email.as_deref().ok_or(SignInError::NoEmail)?).map_err(|_| SignInError::NoEmail)?;
        if !claims.email_verified {
            return Err(SignInError::EmailNotVerified.into());
        }
        let user = match users::lock_by_email(tx, &email).await? {
            // Both sides have proved the address, and nobody gets a role this way.
            Some(user) if offered.link_by_email && user.is_verified && user.is_active && user.role == Role::User => user,
            Some(_) => return Err(SignInError::AccountExists.into()),
            None => self.accounts.create_verified(tx, &email, claims.name.as_deref(), claims.locale.as_deref()).await?,
        };
        self.insert(tx, name, &user, claims).await?;
        Ok(user)
    }

    async fn insert(&self, tx: &mut Tx, name: &str, user: &User, claims: &Claims) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let (email, told_name) = told(claims);
        let identity = Identity {
            id: moment.id(),
            user_id: user.id.clone(),
            provider: name.to_owned(),
            issuer: claims.issuer.clone(),
            subject: claims.subject.clone(),
            created_at: moment.now,
            last_used_at: moment.now,
            email,
            name: told_name,
            picture: None,
            picture_key: None,
        };
        identities::insert(tx, &identity).await.map_err(|error| match error {
            StoreError::Exists { .. } => SignInError::Linked.into(),
            error => PlatformError::from(error),
        })?;
        let body = format!(
            "Hello {},\n\nyour account can now be logged in to with {name}. If it was not you who linked it, unlink it in your settings and \
             choose a new password.\n",
            user.username
        );
        mails::insert(tx, &moment, Some(&user.id), &user.email, "A new way into your account", &body).await?;
        let detail = serde_json::json!({ "provider": name }).to_string();
        let actor = Actor::user(user);
        Ok(audit::append(tx, &moment, actor.record("identity.link", Some(("identity", &identity.id)), &detail)).await?)
    }
}

/// Address and name, as they may be kept.
fn told(claims: &Claims) -> (Option<String>, Option<String>) {
    (claims.email.as_deref().and_then(|email| normal_email(email).ok()), acceptable(claims.name.as_deref()))
}
