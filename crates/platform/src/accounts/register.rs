//! New accounts.

use std::str::FromStr;

use easel_store::{
    Credits, StoreError, Tx, audit,
    ledger::{self, Event, NewGrant},
    users::{self, Role, User},
};
use lettre::Address;

use super::{Accounts, Actor, Paper, Passwords};
use crate::{PlatformError, context::retry};

/// What somebody says of themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Registration<'a> {
    /// Their address.
    pub email: &'a str,
    /// Their password.
    pub password: &'a str,
    /// What others see; made of the address if it is left out.
    pub username: Option<&'a str>,
    /// Their name.
    pub full_name: Option<&'a str>,
    /// `de`, `pt-BR`.
    pub locale: Option<&'a str>,
}

/// What somebody shows of themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Profile<'a> {
    /// What others call them; `None` leaves it.
    pub username: Option<&'a str>,
    /// Their name.
    pub full_name: Option<&'a str>,
    /// `de`, `pt-BR`.
    pub locale: Option<&'a str>,
}

impl Accounts {
    /// A new account on the first plan, with its credits, and the mail that asks to prove the address.
    ///
    /// # Errors
    /// [`PlatformError::Taken`], [`PlatformError::Invalid`]; always where the operator has papers to agree to.
    pub async fn register(&self, registration: Registration<'_>) -> Result<User, PlatformError> {
        self.register_agreeing(registration, &[]).await
    }

    /// The same, for somebody who agrees to these papers.
    pub async fn register_agreeing(
        &self,
        registration: Registration<'_>,
        accepted: &[(Paper, &str)],
    ) -> Result<User, PlatformError> {
        self.require_passwords()?;
        self.check_accepted(accepted)?;
        self.create(registration, Role::User, None, accepted).await
    }

    /// The first superuser, or another: for whoever can run commands on the machine. The address counts as proved.
    pub async fn create_superuser(&self, registration: Registration<'_>) -> Result<User, PlatformError> {
        self.create(registration, Role::Superuser, Some(&Actor::operator()), &[]).await
    }

    async fn create(
        &self,
        registration: Registration<'_>,
        role: Role,
        by: Option<&Actor>,
        accepted: &[(Paper, &str)],
    ) -> Result<User, PlatformError> {
        let email = normal_email(registration.email)?;
        let chosen = registration.username.map(checked_username).transpose()?;
        let local = email.split('@').next().unwrap_or_default();
        Passwords::check_choice(registration.password, &[&email, local, chosen.unwrap_or(&email)])?;
        check_shown(registration.full_name, registration.locale)?;
        let hash = self.passwords.hash(registration.password, &*self.context.secrets).await?;
        let new = self.newcomer(&email);
        let user = User {
            username: chosen.map_or(new.username, str::to_owned),
            password_hash: Some(hash),
            full_name: registration.full_name.map(str::to_owned),
            locale: registration.locale.map(str::to_owned),
            role,
            is_verified: by.is_some(),
            ..new
        };
        retry!(self.insert(&user, by, accepted))?;
        Ok(user)
    }

    /// An account for somebody whose address an identity provider vouches for; it has no password.
    pub(crate) async fn create_verified(
        &self,
        tx: &mut Tx,
        email: &str,
        full_name: Option<&str>,
        locale: Option<&str>,
    ) -> Result<User, PlatformError> {
        let user =
            User { full_name: acceptable(full_name), locale: acceptable(locale), is_verified: true, ..self.newcomer(email) };
        self.insert_in(tx, &user, None).await?;
        Ok(user)
    }

    /// Somebody on the first plan, with nothing but an address.
    fn newcomer(&self, email: &str) -> User {
        let now = self.context.now();
        let id = self.context.ids.next(now);
        User {
            username: derived_username(email.split('@').next().unwrap_or_default(), &id),
            id,
            email: email.to_owned(),
            password_hash: None,
            full_name: None,
            avatar_key: None,
            locale: None,
            role: Role::User,
            plan: self.catalogue.first().name.clone(),
            plan_ends_at: None,
            is_active: true,
            is_verified: false,
            auth_epoch: 0,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            organization_id: None,
        }
    }

    /// Changes what others see of somebody; what is `None` is emptied, but for the name, which stays.
    pub async fn change_profile(&self, user_id: &str, profile: Profile<'_>) -> Result<User, PlatformError> {
        let Profile { username, full_name, locale } = profile;
        let chosen = username.map(checked_username).transpose()?;
        check_shown(full_name, locale)?;
        let mut tx = self.context.db.begin().await?;
        // What stays is what it is now, not what it was when they were last looked at.
        let user = users::lock(&mut tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        let username = chosen.unwrap_or(&user.username);
        let changed =
            users::set_profile(&mut tx, &user.id, self.context.now(), username, full_name, locale).await.map_err(taken)?;
        if !changed {
            return Err(PlatformError::NotFound("user"));
        }
        tx.commit().await?;
        self.get(&user.id).await
    }

    async fn insert(&self, user: &User, by: Option<&Actor>, accepted: &[(Paper, &str)]) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        self.insert_in(&mut tx, user, by).await?;
        self.note_consents(&mut tx, &Actor::user(user), accepted).await?;
        Ok(tx.commit().await?)
    }

    async fn insert_in(&self, tx: &mut Tx, user: &User, by: Option<&Actor>) -> Result<(), PlatformError> {
        users::insert(tx, user).await.map_err(taken)?;
        self.signup_grant(tx, user).await?;
        if !user.is_verified {
            self.mail_verification(tx, user).await?;
        }
        let actor = by.cloned().unwrap_or_else(|| Actor::user(user));
        let detail = serde_json::json!({ "role": user.role }).to_string();
        Ok(audit::append(tx, &self.context.moment(), actor.record("user.create", Some(("user", &user.id)), &detail)).await?)
    }

    async fn signup_grant(&self, tx: &mut Tx, user: &User) -> Result<(), PlatformError> {
        let credits = self.catalogue.signup_credits();
        let Some(amount) = Credits::whole(credits).filter(|&amount| amount > Credits::ZERO) else { return Ok(()) };
        let key = format!("signup:{}", user.id);
        let event = Event { key: &key, job_id: None, actor: None, reason: "welcome" };
        let new = NewGrant { user_id: &user.id, amount, source: "signup", expires_at: None };
        ledger::grant(tx, &self.context.moment(), new, event).await?;
        Ok(())
    }
}

fn taken(error: StoreError) -> PlatformError {
    match error {
        error if error.exists_on("email") => PlatformError::Taken("e-mail address"),
        error if error.exists_on("username") => PlatformError::Taken("user name"),
        error => error.into(),
    }
}

/// Trimmed, in lower case, and something mail can be sent to.
pub(crate) fn normal_email(text: &str) -> Result<String, PlatformError> {
    let email = text.trim().to_lowercase();
    let valid = email.len() <= 255 && Address::from_str(&email).is_ok() && !email.chars().any(char::is_control);
    if valid { Ok(email) } else { Err(PlatformError::Invalid { field: "e-mail address", problem: "is not one" }) }
}

/// Short, and nothing that does not print.
fn check_shown(full_name: Option<&str>, locale: Option<&str>) -> Result<(), PlatformError> {
    for (field, text) in [("full name", full_name), ("locale", locale)] {
        if text.is_some_and(|text| text.chars().count() > 200 || text.chars().any(char::is_control)) {
            return Err(PlatformError::Invalid { field, problem: "is too long or has control characters" });
        }
    }
    Ok(())
}

/// What somebody else wrote of a person: left out rather than refused.
pub(crate) fn acceptable(text: Option<&str>) -> Option<String> {
    text.filter(|text| check_shown(Some(text), None).is_ok()).map(str::to_owned)
}

/// 3 to 50 of letters, digits, `.`, `_`, `-`, so that it fits an address bar and looks like nobody else's.
fn checked_username(name: &str) -> Result<&str, PlatformError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if (3..=50).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(name)
    } else {
        Err(PlatformError::Invalid { field: "user name", problem: "must be 3 to 50 of a-z, 0-9, dot, dash, underscore" })
    }
}

/// Of an address's first part, with the random end of the id, so that it is nobody's yet and tells no address.
fn derived_username(local: &str, id: &str) -> String {
    let plain: String = local.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit()).take(3).collect();
    let end: String = id.chars().filter(|&c| c != '-').skip(22).collect();
    format!("{plain}{}{end}", if plain.is_empty() { "user" } else { "-" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_made_alike() {
        assert_eq!(normal_email("  Ada@Example.ORG ").unwrap(), "ada@example.org");
        for bad in ["", "ada", "@example.org", "ada@", "a b@example.org", "ada@example.org\r\nBcc: x@y.z", "a@b@c"] {
            assert!(normal_email(bad).is_err(), "{bad:?}");
        }
        assert!(normal_email(&format!("{}@example.org", "a".repeat(250))).is_err());
    }

    #[test]
    fn names_are_plain() {
        for good in ["ada", "a.b-c_9"] {
            assert!(checked_username(good).is_ok(), "{good}");
        }
        for bad in ["ab", "Ada", "аda", "a b", "a/b", &"a".repeat(51)] {
            assert!(checked_username(bad).is_err(), "{bad}");
        }
        let derived = derived_username("ada.lovelace", "01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(derived, "ada-02099a8057");
        assert!(
            checked_username(&derived).is_ok()
                && checked_username(&derived_username("ø", "01890a5d-ac96-774b-bcce-b302099a8057")).is_ok()
        );
    }
}
