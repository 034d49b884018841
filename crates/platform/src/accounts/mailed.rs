//! Links that are sent by mail: to prove an address, to choose a new password. Each is good once and for a while.
//!
//! Asking for a reset answers the same whether or not there is such an account. The token stands behind `#`, which browsers send to nobody.

use easel_store::{
    Tx, audit, mail_tokens,
    mail_tokens::{NewToken, Purpose},
    mails, sessions, users,
    users::User,
};

use super::{Accounts, Actor, Passwords, register::normal_email, shown, token, token_hash};
use crate::PlatformError;

impl Accounts {
    /// Writes the mail that asks to prove an address.
    pub(super) async fn mail_verification(&self, tx: &mut Tx, user: &User) -> Result<(), PlatformError> {
        let until = self.context.now().after(self.settings.verify_ttl);
        let link = self.link(tx, user, Purpose::VerifyEmail, "verify-email", until).await?;
        let body = format!(
            "Hello {},\n\nplease open this link to prove that this address is yours:\n\n{link}\n\nIt is good once, until {}. If you did not \
             register, do nothing.\n",
            user.username,
            shown(until)
        );
        Ok(mails::insert(tx, &self.context.moment(), Some(&user.id), &user.email, "Please prove your address", &body).await?)
    }

    /// Sends the mail again, to somebody whose address is not proved.
    pub async fn resend_verification(&self, user_id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let user = users::lock(&mut tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        if !user.is_verified {
            self.mail_verification(&mut tx, &user).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Proves an address.
    pub async fn verify_email(&self, token: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let redeemed = mail_tokens::redeem(&mut tx, Purpose::VerifyEmail, &token_hash(token), moment.now).await?;
        let (user_id, email) = redeemed.ok_or(PlatformError::Token)?;
        if !users::set_verified(&mut tx, &user_id, moment.now, &email).await? {
            return Err(PlatformError::Token);
        }
        Ok(tx.commit().await?)
    }

    /// Sends the link to choose a new password, if there is such an account; the answer does not tell.
    pub async fn request_reset(&self, email: &str) -> Result<(), PlatformError> {
        self.require_passwords()?;
        let Ok(email) = normal_email(email) else { return Ok(()) };
        let Some(user) = users::by_email(&self.context.db, &email).await?.filter(|user| user.is_active) else { return Ok(()) };
        let until = self.context.now().after(self.settings.reset_ttl);
        let mut tx = self.context.db.begin().await?;
        let link = self.link(&mut tx, &user, Purpose::ResetPassword, "reset-password", until).await?;
        let body = format!(
            "Hello {},\n\nopen this link to choose a new password:\n\n{link}\n\nIt is good once, until {}. If you did not ask for it, do \
             nothing: your password stays as it is.\n",
            user.username,
            shown(until)
        );
        mails::insert(&mut tx, &self.context.moment(), Some(&user.id), &user.email, "Choose a new password", &body).await?;
        Ok(tx.commit().await?)
    }

    /// Chooses a new password; every session and key ends.
    pub async fn reset_password(&self, token: &str, password: &str) -> Result<(), PlatformError> {
        self.require_passwords()?;
        Passwords::check_choice(password, &[])?;
        let hash = self.passwords.hash(password, &*self.context.secrets).await?;
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let redeemed = mail_tokens::redeem(&mut tx, Purpose::ResetPassword, &token_hash(token), moment.now).await?;
        let (user_id, email) = redeemed.ok_or(PlatformError::Token)?;
        let user = users::lock(&mut tx, &user_id).await?.filter(|user| user.is_active && user.email == email);
        let user = user.ok_or(PlatformError::Token)?;
        self.replace_password(&mut tx, &Actor::user(&user), &user, &hash, "reset").await?;
        // Whoever gets the mail has the address.
        users::set_verified(&mut tx, &user.id, moment.now, &email).await?;
        Ok(tx.commit().await?)
    }

    /// Changes the password of somebody who knows the old one; every session and key ends, this one too.
    pub async fn change_password(&self, user: &User, old: &str, new: &str) -> Result<(), PlatformError> {
        Passwords::check_choice(new, &[&user.email, &user.username])?;
        let checked = self.passwords.check(old, user.password_hash.as_deref(), &*self.context.secrets).await?;
        if checked == super::password::Checked::Wrong {
            return Err(PlatformError::Unauthenticated);
        }
        let hash = self.passwords.hash(new, &*self.context.secrets).await?;
        let mut tx = self.context.db.begin().await?;
        // Changed meanwhile: the old one is no longer the old one.
        let now = users::lock(&mut tx, &user.id).await?.filter(|now| now.is_active && now.password_hash == user.password_hash);
        now.ok_or(PlatformError::Unauthenticated)?;
        self.replace_password(&mut tx, &Actor::user(user), user, &hash, "change").await?;
        Ok(tx.commit().await?)
    }

    /// Gives somebody another password, by whoever stands above them; every session and key of theirs ends.
    pub async fn set_password(&self, actor: &Actor, user_id: &str, password: &str) -> Result<(), PlatformError> {
        let user = self.get(user_id).await?;
        Passwords::check_choice(password, &[&user.email, &user.username])?;
        let hash = self.passwords.hash(password, &*self.context.secrets).await?;
        let mut tx = self.context.db.begin().await?;
        let user = self.acted_on(&mut tx, actor, user_id).await?;
        self.replace_password(&mut tx, actor, &user, &hash, "set").await?;
        Ok(tx.commit().await?)
    }

    async fn replace_password(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        user: &User,
        hash: &str,
        how: &str,
    ) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        users::set_password(tx, &user.id, moment.now, hash).await?;
        sessions::revoke_all(tx, &user.id, moment.now, "password").await?;
        let detail = serde_json::json!({ "how": how }).to_string();
        Ok(audit::append(tx, &moment, actor.record("user.password", Some(("user", &user.id)), &detail)).await?)
    }

    async fn link(
        &self,
        tx: &mut Tx,
        user: &User,
        purpose: Purpose,
        page: &str,
        until: easel_store::Timestamp,
    ) -> Result<String, PlatformError> {
        let (text, hash) = token(&*self.context.secrets, "em");
        let new = NewToken { user_id: &user.id, purpose, email: &user.email, hash: &hash, expires_at: until };
        mail_tokens::insert(tx, self.context.now(), new).await?;
        Ok(format!("{}/{page}#token={text}", self.settings.public_url))
    }
}
