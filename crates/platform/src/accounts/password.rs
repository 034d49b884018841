//! Hashing and checking passwords: Argon2id, and bcrypt for accounts that were brought along.
//!
//! OWASP's Password Storage Cheat Sheet gives the cost (19 MiB, two passes, one lane). Hashing runs on blocking threads, [`AT_ONCE`] at a
//! time, so that a flood of logins takes neither the async threads nor all of the memory. For somebody who does not exist the same work is
//! done against a hash that nothing matches, so that the time does not tell who exists.

use std::{fmt, sync::Arc};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::{PlatformError, Secrets};

/// Passwords hashed at a time.
const AT_ONCE: usize = 2;
/// Characters of the shortest password (ASVS 6.2.1).
const LENGTH_MIN: usize = 8;
/// Bytes of the longest: enough for any passphrase, and no work for megabytes.
const LENGTH_MAX: usize = 1024;
/// What guessing programs try first and is long enough to be accepted otherwise.
const COMMON: &[&str] = &[
    "password",
    "password1",
    "password12",
    "password123",
    "passw0rd",
    "12345678",
    "123456789",
    "1234567890",
    "123123123",
    "11111111",
    "00000000",
    "qwertyui",
    "qwerty123",
    "qwertyuiop",
    "1q2w3e4r",
    "1qaz2wsx",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "letmein1",
    "welcome1",
    "welcome123",
    "admin123",
    "administrator",
    "changeme",
    "abc12345",
    "abcd1234",
    "dragon123",
    "monkey123",
    "computer",
    "internet",
    "starwars",
    "whatever",
    "asdfghjk",
    "asdfasdf",
    "zxcvbnm1",
    "passwort",
    "motdepasse",
    "contraseña",
];

/// What one guess costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// KiB of memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    params: Params,
    /// Of no password.
    nobody: Arc<str>,
    places: Arc<Semaphore>,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("params", &self.params).finish_non_exhaustive()
    }
}

/// What checking a password showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It is another one.
    Wrong,
    /// It is the one.
    Right {
        /// A better hash of it, if the stored one is of an older kind or cheaper than it should be.
        rehashed: Option<String>,
    },
}

impl Passwords {
    /// With this cost.
    ///
    /// # Errors
    /// [`PlatformError::Settings`] if Argon2 does not take it.
    pub fn new(cost: PasswordCost) -> Result<Self, PlatformError> {
        let params =
            Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|error| PlatformError::Settings(error.to_string()))?;
        let nobody = hash(&params, b"nobody", &[0; 16])?.into();
        Ok(Self { params, nobody, places: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// Whether a password may be chosen; `about` is what others know of its owner.
    pub fn check_choice(password: &str, about: &[&str]) -> Result<(), PlatformError> {
        let invalid = |problem| Err(PlatformError::Invalid { field: "password", problem });
        if password.chars().count() < LENGTH_MIN {
            return invalid("must have at least 8 characters");
        }
        if password.len() > LENGTH_MAX {
            return invalid("is too long");
        }
        let lower = password.to_lowercase();
        if COMMON.contains(&lower.as_str()) || about.iter().any(|known| known.to_lowercase() == lower) {
            return invalid("is one that guessing programs try first");
        }
        Ok(())
    }

    /// A new hash, as a PHC string.
    pub async fn hash(&self, password: &str, secrets: &dyn Secrets) -> Result<String, PlatformError> {
        let mut salt = [0; 16];
        secrets.fill(&mut salt);
        let (params, password) = (self.params.clone(), password.to_owned());
        self.off_thread(move || hash(&params, password.as_bytes(), &salt)).await
    }

    /// Compares a password with a stored hash; with `None`, of somebody who does not exist, it takes as long and is wrong.
    pub async fn check(&self, password: &str, stored: Option<&str>, secrets: &dyn Secrets) -> Result<Checked, PlatformError> {
        if password.len() > LENGTH_MAX {
            return Ok(Checked::Wrong);
        }
        let mut salt = [0; 16];
        secrets.fill(&mut salt);
        let (params, exists) = (self.params.clone(), stored.is_some());
        let (stored, password) = (stored.unwrap_or(&self.nobody).to_owned(), password.to_owned());
        self.off_thread(move || {
            if !matches(&params, password.as_bytes(), &stored) || !exists {
                return Ok(Checked::Wrong);
            }
            let rehashed = if is_current(&params, &stored) { None } else { Some(hash(&params, password.as_bytes(), &salt)?) };
            Ok(Checked::Right { rehashed })
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PlatformError> + Send + 'static,
    ) -> Result<T, PlatformError> {
        let _place = self.places.acquire().await.expect("the semaphore is never closed. This is a bug.");
        tokio::task::spawn_blocking(work).await.expect("hashing does not panic. This is a bug.")
    }
}

fn argon2(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

fn hash(params: &Params, password: &[u8], salt: &[u8]) -> Result<String, PlatformError> {
    let hash = argon2(params).hash_password_with_salt(password, salt);
    Ok(hash.map_err(|error| PlatformError::Settings(error.to_string()))?.to_string())
}

fn matches(params: &Params, password: &[u8], stored: &str) -> bool {
    if stored.starts_with("$2") {
        return bcrypt::verify(password, stored).unwrap_or(false);
    }
    PasswordHash::new(stored).is_ok_and(|parsed| argon2(params).verify_password(password, &parsed).is_ok())
}

/// Whether the hash is of the kind and cost that a new one would be.
fn is_current(params: &Params, stored: &str) -> bool {
    let wanted = format!("$argon2id$v=19$m={},t={},p={}$", params.m_cost(), params.t_cost(), params.p_cost());
    stored.starts_with(&wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededSecrets;

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1 };

    #[tokio::test]
    async fn the_right_one_is_right_and_nobody_has_none() {
        let (passwords, secrets) = (Passwords::new(CHEAP).unwrap(), SeededSecrets::new(1));
        let stored = passwords.hash("correct horse", &secrets).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
        assert_ne!(stored, passwords.hash("correct horse", &secrets).await.unwrap(), "another salt");
        assert_eq!(passwords.check("correct horse", Some(&stored), &secrets).await.unwrap(), Checked::Right { rehashed: None });
        for (password, stored) in
            [("wrong", Some(stored.as_str())), ("nobody", None), ("correct horse", Some("garbage")), ("", Some("$2b$"))]
        {
            assert_eq!(passwords.check(password, stored, &secrets).await.unwrap(), Checked::Wrong, "{password}");
        }
    }

    #[tokio::test]
    async fn cheaper_and_older_hashes_are_made_anew() {
        let secrets = SeededSecrets::new(2);
        let old = Passwords::new(CHEAP).unwrap().hash("correct horse", &secrets).await.unwrap();
        let passwords = Passwords::new(PasswordCost { memory_kib: 16, passes: 1 }).unwrap();
        // bcrypt of "correct horse", cost 4.
        let bcrypt = bcrypt::hash("correct horse", 4).unwrap();
        for stored in [old, bcrypt] {
            let checked = passwords.check("correct horse", Some(&stored), &secrets).await.unwrap();
            let Checked::Right { rehashed: Some(better) } = checked else { panic!("{stored}: {checked:?}") };
            assert_eq!(
                passwords.check("correct horse", Some(&better), &secrets).await.unwrap(),
                Checked::Right { rehashed: None }
            );
        }
    }

    #[test]
    fn weak_choices_are_refused() {
        for bad in ["short", "Password123", "Ada@Example.org", &"x".repeat(1025)] {
            assert!(Passwords::check_choice(bad, &["ada@example.org"]).is_err(), "{bad}");
        }
        assert!(Passwords::check_choice("ünïcödé!", &[]).is_ok(), "characters are counted, not bytes");
        assert!(PasswordCost::default().memory_kib >= 19 * 1024 && PasswordCost::default().passes >= 2);
    }
}
