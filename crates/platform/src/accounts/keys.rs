//! API keys: `ik_<prefix>_<secret><check>`.
//!
//! The prefix finds the row and is what people see afterwards; the secret is 256 random bits; the check is the beginning of a hash of the
//! rest, so that a mistyped key, and a scanner's false find, are told without the database. The whole key is shown once and stored as a hash.

use std::str::FromStr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use easel_store::{
    Credits, Timestamp,
    api_keys::{self, ApiKey},
    audit,
    jobs::{self, ByKey},
    users::User,
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{Accounts, Actor, Authenticated, token_hash};
use crate::PlatformError;

/// Keys of one user that have not ended.
const KEYS_MAX: usize = 50;
/// Bytes of the prefix, in hexadecimal twice as many characters.
const PREFIX_BYTES: usize = 6;
/// Characters of the check.
const CHECK: usize = 6;
/// Uses within a minute are noted once.
const TOUCH_AFTER: std::time::Duration = std::time::Duration::from_secs(60);

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Submit, see and cancel jobs.
    #[serde(rename = "generate")]
    Generate,
    /// See pictures.
    #[serde(rename = "images:read")]
    ImagesRead,
    /// Change and delete pictures.
    #[serde(rename = "images:write")]
    ImagesWrite,
    /// See the account, its credits and its use.
    #[serde(rename = "account:read")]
    AccountRead,
}

impl Scope {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::Generate, Self::ImagesRead, Self::ImagesWrite, Self::AccountRead];

    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::ImagesRead => "images:read",
            Self::ImagesWrite => "images:write",
            Self::AccountRead => "account:read",
        }
    }
}

impl FromStr for Scope {
    type Err = PlatformError;

    fn from_str(name: &str) -> Result<Self, PlatformError> {
        let known = Self::ALL.iter().copied().find(|scope| scope.name() == name);
        known.ok_or(PlatformError::Invalid { field: "scope", problem: "is not known" })
    }
}

/// What a key may be used for in a calendar month (UTC), all jobs together; what is left out has no limit beside its owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps {
    /// Jobs that come by it.
    pub jobs: Option<i64>,
    /// Whole credits.
    pub credits: Option<i64>,
}

impl Caps {
    /// As they are stored.
    fn checked(self) -> Result<(Option<i64>, Option<Credits>), PlatformError> {
        let invalid = |field| PlatformError::Invalid { field, problem: "must not be negative, nor too large to count" };
        if self.jobs.is_some_and(|jobs| jobs < 0) {
            return Err(invalid("jobs_monthly_max"));
        }
        let credits = self.credits.map(|whole| Credits::whole(whole).filter(|&credits| credits >= Credits::ZERO));
        match credits {
            Some(None) => Err(invalid("credits_monthly_max")),
            Some(credits) => Ok((self.jobs, credits)),
            None => Ok((self.jobs, None)),
        }
    }
}

/// A key to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// What its owner calls it.
    pub name: &'a str,
    /// What it allows.
    pub scopes: &'a [Scope],
    /// Until when; `None` is for ever.
    pub expires_at: Option<Timestamp>,
    /// What it may be used for in a month.
    pub caps: Caps,
}

/// A key that was just made: the only time its text is to be had.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownKey {
    /// The whole key.
    pub text: String,
    /// What is kept of it.
    pub key: ApiKey,
}

impl std::fmt::Debug for ShownKey {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShownKey").field("prefix", &self.key.prefix).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Makes a key.
    ///
    /// # Errors
    /// [`PlatformError::PlanRequired`] if the plan has no API access.
    pub async fn create_key(&self, user: &User, new: NewKey<'_>) -> Result<ShownKey, PlatformError> {
        let invalid = |field, problem| Err(PlatformError::Invalid { field, problem });
        let moment = self.context.moment();
        self.check_api_access(user)?;
        if new.name.trim().is_empty() || new.name.chars().count() > 100 || new.name.chars().any(char::is_control) {
            return invalid("name", "must have 1 to 100 characters");
        }
        if new.scopes.is_empty() {
            return invalid("scopes", "are missing");
        }
        if new.expires_at.is_some_and(|expires_at| expires_at <= moment.now) {
            return invalid("expiry", "is past");
        }
        let (jobs_monthly_max, credits_monthly_max) = new.caps.checked()?;
        let live = self.keys(user).await?.into_iter().filter(|key| is_live(key, user, moment.now)).count();
        if live >= KEYS_MAX {
            return Err(PlatformError::Limit { code: "too_many_keys", what: "API keys", max: KEYS_MAX as i64 });
        }
        let (text, prefix) = self.draw_key();
        let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.name()).collect();
        let key = ApiKey {
            id: moment.id(),
            user_id: user.id.clone(),
            name: new.name.trim().to_owned(),
            prefix,
            hash: token_hash(&text),
            scopes: scopes.join(" "),
            auth_epoch: user.auth_epoch,
            created_at: moment.now,
            expires_at: new.expires_at,
            jobs_monthly_max,
            credits_monthly_max,
            last_used_at: None,
            revoked_at: None,
        };
        let mut tx = self.context.db.begin().await?;
        api_keys::insert(&mut tx, &key).await?;
        let detail = serde_json::json!({ "scopes": scopes }).to_string();
        audit::append(&mut tx, &moment, Actor::user(user).record("key.create", Some(("api_key", &key.id)), &detail)).await?;
        tx.commit().await?;
        Ok(ShownKey { text, key })
    }

    fn draw_key(&self) -> (String, String) {
        let (mut prefix, mut secret) = ([0; PREFIX_BYTES], [0; 32]);
        self.context.secrets.fill(&mut prefix);
        self.context.secrets.fill(&mut secret);
        let prefix = format!("ik_{}", super::hex(&prefix));
        let body = format!("{prefix}_{}", BASE64_URL_SAFE_NO_PAD.encode(secret));
        let check = &token_hash(&body)[..CHECK];
        (format!("{body}{check}"), prefix)
    }

    /// A user's keys, newest first; ended ones too.
    pub async fn keys(&self, user: &User) -> Result<Vec<ApiKey>, PlatformError> {
        Ok(api_keys::of_user(&self.context.db, &user.id).await?)
    }

    /// What came by each of a user's keys in this calendar month (UTC), as their limits count it; keys by which nothing came are left out.
    pub async fn keys_used(&self, user: &User) -> Result<Vec<ByKey>, PlatformError> {
        let month = crate::jobs::month_of(self.context.now());
        Ok(jobs::of_keys_since(&self.context.db, &user.id, month).await?)
    }

    /// Other limits of a month for one of a user's keys; what came by it already counts.
    pub async fn set_key_caps(&self, user: &User, key_id: &str, caps: Caps) -> Result<ApiKey, PlatformError> {
        const NONE: PlatformError = PlatformError::NotFound("API key");
        let (jobs, credits) = caps.checked()?;
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        if !api_keys::set_caps(&mut tx, &user.id, key_id, jobs, credits).await? {
            return Err(NONE);
        }
        let detail = serde_json::json!({ "jobs_monthly_max": caps.jobs, "credits_monthly_max": caps.credits }).to_string();
        audit::append(&mut tx, &moment, Actor::user(user).record("key.limit", Some(("api_key", key_id)), &detail)).await?;
        let key = api_keys::by_id(&mut tx, key_id).await?.ok_or(NONE)?;
        tx.commit().await?;
        Ok(key)
    }

    /// Ends one of a user's keys.
    pub async fn revoke_key(&self, user: &User, key_id: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        if !api_keys::revoke(&mut tx, &user.id, key_id, moment.now).await? {
            return Err(PlatformError::NotFound("API key"));
        }
        audit::append(&mut tx, &moment, Actor::user(user).record("key.revoke", Some(("api_key", key_id)), "{}")).await?;
        Ok(tx.commit().await?)
    }

    /// Who a key lets in, and what it allows them.
    pub async fn authenticate_key(&self, text: &str) -> Result<Authenticated, PlatformError> {
        let prefix = prefix_of(text).ok_or(PlatformError::Unauthenticated)?;
        let key = api_keys::by_prefix(&self.context.db, prefix).await?.ok_or(PlatformError::Unauthenticated)?;
        let same: bool = key.hash.as_bytes().ct_eq(token_hash(text).as_bytes()).into();
        if !same {
            return Err(PlatformError::Unauthenticated);
        }
        let now = self.context.now();
        let user = self.may_enter(&key.user_id, key.auth_epoch).await?;
        if !is_live(&key, &user, now) {
            return Err(PlatformError::Unauthenticated);
        }
        self.check_api_access(&user)?;
        if key.last_used_at.is_none_or(|last| last.after(TOUCH_AFTER) <= now) {
            let mut tx = self.context.db.begin().await?;
            api_keys::touch(&mut tx, &key.id, now).await?;
            tx.commit().await?;
        }
        // A scope that this version does not know allows nothing.
        let scopes = key.scopes.split(' ').filter_map(|name| name.parse().ok()).collect();
        Ok(Authenticated { user, session_id: None, scopes: Some(scopes), key_id: Some(key.id) })
    }

    fn check_api_access(&self, user: &User) -> Result<(), PlatformError> {
        let plan = self.catalogue.of(user, self.context.now());
        if plan.api_access { Ok(()) } else { Err(PlatformError::PlanRequired("API access")) }
    }
}

fn is_live(key: &ApiKey, user: &User, now: Timestamp) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|expires_at| expires_at > now) && key.auth_epoch == user.auth_epoch
}

/// The prefix of a well-formed key.
fn prefix_of(text: &str) -> Option<&str> {
    let at = text.len().checked_sub(CHECK).filter(|&at| text.is_ascii() && at > 0)?;
    let (body, check) = text.split_at(at);
    let prefix = body.get(..3 + 2 * PREFIX_BYTES)?;
    (prefix.starts_with("ik_") && body[prefix.len()..].starts_with('_') && token_hash(body)[..CHECK] == *check).then_some(prefix)
}
