//! Logging in at somebody else's (OpenID Connect), and whose account that is.
//!
//! A login under way is a row: the hash of its `state`, the hash of what the browser keeps in a cookie, and nonce and PKCE verifier, sealed.
//! It is taken when the browser comes back, so a state is good once; and only the browser that was sent away can come back with it, so nobody
//! can be logged in as somebody else by a link (login CSRF). What the provider then says is `easel_oidc`'s to judge.
//!
//! | rule | file |
//! |---|---|
//! | a browser is sent away and comes back | `flow.rs` |
//! | whose account it is; nobody gets another's by an address | `link.rs` |
//! | whose picture follows the provider's | `pictures.rs` |

mod flow;
mod link;
mod pictures;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use easel_oidc::{OidcError, Provider};
use easel_store::{Timestamp, identities, users::User};
use thiserror::Error;

use crate::{
    Context, PlatformError,
    accounts::{Accounts, Tokens},
    keyring::Keyring,
};

pub use flow::{Begun, Callback};
use pictures::Pictures;
pub use pictures::TheirPicture;

/// How long somebody may take to log in at a provider.
const TIME_MAX: Duration = Duration::from_secs(600);

/// Why somebody is not logged in.
#[derive(Debug, Error)]
pub enum SignInError {
    /// Not the browser that was sent, or too late, or a second time.
    #[error("this login was not begun in this browser, or took too long: begin again")]
    State,
    /// The person or the provider said no.
    #[error("the identity provider did not log you in")]
    Refused,
    /// What came back is not to be believed, or the provider is away.
    #[error("the identity provider's answer cannot be used: try again later")]
    Provider(#[source] OidcError),
    /// A new account needs an address.
    #[error("the identity provider gave no e-mail address: allow it, or register here and link it in your settings")]
    NoEmail,
    /// A new account needs an address that is proved.
    #[error("the identity provider does not vouch for the e-mail address: register here and link it in your settings")]
    EmailNotVerified,
    /// Somebody has this address; whoever it is logs in first.
    #[error("there is an account with this e-mail address: log in to it and link the identity provider in your settings")]
    AccountExists,
    /// It is another account's.
    #[error("this login belongs to another account")]
    Linked,
    /// Nothing else lets them in.
    #[error("this is the only way into your account: choose a password first")]
    LastWay,
}

impl SignInError {
    /// The stable name clients see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::State => "sign_in_state",
            Self::Refused => "sign_in_refused",
            Self::Provider(_) => "sign_in_provider",
            Self::NoEmail => "sign_in_no_email",
            Self::EmailNotVerified => "sign_in_email_not_verified",
            Self::AccountExists => "sign_in_account_exists",
            Self::Linked => "sign_in_linked_elsewhere",
            Self::LastWay => "sign_in_last_way",
        }
    }
}

/// An identity provider, as this server offers it.
#[derive(Debug, Clone)]
pub struct Offered {
    /// What people see.
    pub title: String,
    /// The provider.
    pub provider: Provider,
    /// Whether somebody whose address both the provider and we have proved gets the account with this address without logging in to it.
    /// Never an account with a role.
    pub link_by_email: bool,
}

/// Who came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// Who.
    pub user: User,
    /// What lets them in; `None` for somebody who was logged in and has a new way in now.
    pub tokens: Option<Tokens>,
    /// A picture of them at the provider, for [`SignIn::take_over`].
    pub picture: Option<TheirPicture>,
    /// Where they wanted to go: a path of ours.
    pub return_to: String,
}

/// Logging in elsewhere. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SignIn {
    context: Context,
    accounts: Accounts,
    keyring: Keyring,
    offered: Arc<BTreeMap<String, Offered>>,
    /// What the addresses that providers send browsers back to begin with; the provider's name follows.
    callback: String,
    pictures: Option<Pictures>,
}

impl SignIn {
    /// At these providers, by the operator's names for them. Browsers come back to `<callback>/<name>`.
    pub fn new(
        context: Context,
        accounts: Accounts,
        keyring: Keyring,
        offered: BTreeMap<String, Offered>,
        callback: impl Into<String>,
    ) -> Self {
        Self { context, accounts, keyring, offered: Arc::new(offered), callback: callback.into(), pictures: None }
    }

    /// The providers: name and title.
    pub fn offered(&self) -> impl Iterator<Item = (&str, &str)> {
        self.offered.iter().map(|(name, offered)| (name.as_str(), offered.title.as_str()))
    }

    /// What a user can log in with elsewhere.
    pub async fn identities(&self, user_id: &str) -> Result<Vec<identities::Identity>, PlatformError> {
        Ok(identities::of_user(&self.context.db, user_id).await?)
    }

    fn provider(&self, name: &str) -> Result<&Offered, PlatformError> {
        self.offered.get(name).ok_or(PlatformError::NotFound("identity provider"))
    }

    fn redirect_uri(&self, name: &str) -> String {
        format!("{}/{name}", self.callback)
    }
}

fn seconds(now: Timestamp) -> i64 {
    now.0.div_euclid(1_000_000)
}
