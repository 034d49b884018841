//! Accounts: who somebody is, and what they may do.
//!
//! | rule | file |
//! |---|---|
//! | passwords are hashed off the async threads, few at a time, and the same work is done for people who do not exist | `password.rs` |
//! | addresses and names | `register.rs` |
//! | failed logins cost time, for one account from one place | `login.rs` |
//! | sessions: refresh tokens are exchanged once; one that comes back ends them all | `session.rs` |
//! | links sent by mail are good once | `mailed.rs` |
//! | nobody acts on somebody of their own rank or above | `roles.rs` |
//! | API keys are shown once | `keys.rs` |
//! | who registers or orders agrees to the terms of now | `consents.rs` |
//! | limits of one person in the place of their plan's | `own_limits.rs` |
//! | settings of A1111's programs are their owner's, at every node | `client_settings.rs` |
//! | one person on their own machine needs no account | `local.rs` |
//!
//! Tokens are 256 random bits and only their SHA-256 is stored. Everything that changes what somebody may do raises their `auth_epoch`, which
//! every session and key is compared with each time it is used.

mod client_settings;
mod consents;
mod keys;
mod local;
mod login;
mod mailed;
mod own_limits;
mod password;
mod register;
mod roles;
mod session;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use easel_store::{
    Timestamp,
    audit::NewRecord,
    usage::Usage,
    users::{Role, User},
};
use sha2::{Digest, Sha256};

use crate::{Context, PlatformError, Secrets, credits::CreditDesk, plans::Catalogue};

pub(crate) use register::{acceptable, normal_email};

pub use consents::{Legal, Paper, Published};
pub use keys::{Caps, NewKey, Scope, ShownKey};
pub use local::LOCAL_ID;
pub use login::Origin;
pub use password::{PasswordCost, Passwords};
pub use register::{Profile, Registration};
pub use roles::Permission;
pub use session::{Authenticated, Tokens};

/// Times and limits of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where people reach the server; links in mails begin with it. No slash at the end.
    pub public_url: String,
    /// An access token's life.
    pub access_ttl: Duration,
    /// A refresh token's life.
    pub refresh_ttl: Duration,
    /// A session's life, however often it is refreshed.
    pub session_ttl: Duration,
    /// A verification link's life.
    pub verify_ttl: Duration,
    /// A reset link's life.
    pub reset_ttl: Duration,
    /// Failed logins of one account from one address before waiting begins.
    pub failures_free: i64,
    /// How long failures are counted together, and the longest wait.
    pub failures_window: Duration,
    /// Whether people must prove their address before they log in.
    pub verification_required: bool,
    /// People log in with passwords of ours; otherwise at identity providers alone.
    pub password_login: bool,
    /// The price of guessing passwords.
    pub password_cost: PasswordCost,
    /// What people agree to.
    pub legal: Legal,
}

impl Default for Settings {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            access_ttl: MINUTE * 15,
            refresh_ttl: DAY * 7,
            session_ttl: DAY * 90,
            verify_ttl: DAY,
            reset_ttl: MINUTE * 60,
            failures_free: 5,
            failures_window: MINUTE * 15,
            verification_required: false,
            password_login: true,
            password_cost: PasswordCost::default(),
            legal: Legal::default(),
        }
    }
}

/// The accounts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    context: Context,
    catalogue: Catalogue,
    desk: CreditDesk,
    settings: Settings,
    passwords: Passwords,
    /// Somebody is known to administer the server.
    administered: Arc<AtomicBool>,
}

impl Accounts {
    /// Over this database, with these plans.
    pub fn new(context: Context, catalogue: Catalogue, settings: Settings) -> Result<Self, PlatformError> {
        let passwords = Passwords::new(settings.password_cost)?;
        let desk = CreditDesk::new(context.clone(), catalogue.clone());
        Ok(Self { context, catalogue, desk, settings, passwords, administered: Arc::default() })
    }

    /// Whether people log in with passwords of ours.
    pub fn takes_passwords(&self) -> bool {
        self.settings.password_login
    }

    fn require_passwords(&self) -> Result<(), PlatformError> {
        let off = PlatformError::Forbidden("passwords are switched off here: log in with an identity provider");
        if self.settings.password_login { Ok(()) } else { Err(off) }
    }

    /// Somebody.
    pub async fn get(&self, user_id: &str) -> Result<User, PlatformError> {
        easel_store::users::by_id(&self.context.db, user_id).await?.ok_or(PlatformError::NotFound("user"))
    }
}

impl Accounts {
    /// What somebody used on these days, counted from 1970; days without use are left out.
    pub async fn usage(&self, user_id: &str, from: i64, to: i64) -> Result<Vec<Usage>, PlatformError> {
        Ok(easel_store::usage::of_user(&self.context.db, user_id, from, to).await?)
    }

    /// Everybody, oldest first, after this id.
    pub async fn list(&self, after: Option<&str>, limit: i64) -> Result<Vec<User>, PlatformError> {
        Ok(easel_store::users::list(&self.context.db, after, limit.clamp(1, 101)).await?)
    }

    /// Those whose name here or address begins so, whatever the case, oldest first, after this id; everybody if nothing is said.
    pub async fn find(&self, beginning: &str, after: Option<&str>, limit: i64) -> Result<Vec<User>, PlatformError> {
        let beginning = beginning.trim().to_lowercase();
        if beginning.is_empty() {
            return self.list(after, limit).await;
        }
        // PostgreSQL cannot even look for what has a NUL in it.
        if beginning.contains('\0') {
            return Ok(Vec::new());
        }
        Ok(easel_store::users::beginning(&self.context.db, &beginning, after, limit.clamp(1, 101)).await?)
    }
}

/// Who does something that is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    id: String,
    role: Role,
    kind: &'static str,
    /// Where they are; kept as a salted hash.
    pub ip: Option<String>,
    /// What their program calls itself; kept apart from the record, for as long as the address can be checked.
    pub user_agent: Option<String>,
    /// The request.
    pub request_id: Option<String>,
}

impl Actor {
    /// Somebody who is logged in.
    pub fn user(user: &User) -> Self {
        Self { id: user.id.clone(), role: user.role, kind: "user", ip: None, user_agent: None, request_id: None }
    }

    /// Somebody who logs in from there.
    pub(crate) fn at(user: &User, origin: Origin<'_>) -> Self {
        let ip = (!origin.ip.is_empty()).then(|| origin.ip.to_owned());
        let user_agent = origin.user_agent.map(str::to_owned);
        Self { ip, user_agent, request_id: origin.request_id.map(str::to_owned), ..Self::user(user) }
    }

    /// Whoever can run commands on the server's machine.
    pub fn operator() -> Self {
        Self { id: "operator".to_owned(), role: Role::Superuser, kind: "operator", ip: None, user_agent: None, request_id: None }
    }

    /// The server by itself.
    pub(crate) fn system() -> Self {
        Self { id: "system".to_owned(), role: Role::Superuser, kind: "system", ip: None, user_agent: None, request_id: None }
    }

    /// Their id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether they have at least this role.
    pub fn require(&self, role: Role) -> Result<(), PlatformError> {
        if self.role >= role { Ok(()) } else { Err(PlatformError::Forbidden("it needs a higher role")) }
    }

    pub(crate) fn record<'a>(&'a self, action: &'a str, target: Option<(&'a str, &'a str)>, detail: &'a str) -> NewRecord<'a> {
        NewRecord {
            actor_kind: self.kind,
            actor_id: Some(&self.id),
            action,
            target,
            ip: self.ip.as_deref(),
            user_agent: self.user_agent.as_deref(),
            request_id: self.request_id.as_deref(),
            detail,
        }
    }
}

/// A token of 256 random bits under a name that scanners of leaked secrets can look for, and what is stored of it.
pub(crate) fn token(secrets: &dyn Secrets, name: &str) -> (String, String) {
    use base64::Engine;
    let mut bytes = [0; 32];
    secrets.fill(&mut bytes);
    let text = format!("{name}_{}", base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes));
    let hash = token_hash(&text);
    (text, hash)
}

/// What is stored of a token. Fast hashing is enough for 256 random bits.
pub(crate) fn token_hash(token: &str) -> String {
    hex(&Sha256::digest(token))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail. This is a bug.");
        text
    })
}

/// A date and time, as mails and messages say it.
pub(crate) fn shown(time: Timestamp) -> String {
    chrono::DateTime::from_timestamp_micros(time.0).map_or_else(String::new, |time| time.format("%Y-%m-%d %H:%M UTC").to_string())
}
