//! What this host cannot do, done by somebody else: only if the operator has named a provider, its owner agrees, the job does, and there is a
//! reason. Who is asked is decided by `easel-providers`; here is what a decision needs to know, and what has to be true in the database.
//!
//! | question | file |
//! |---|---|
//! | which accounts there are, and which model each serves | `accounts.rs` |
//! | who lets their prompts leave | `consent.rs` |
//! | people's own accounts | `own.rs` |
//! | what a job may cost elsewhere, settled when it is taken | `offer.rs` |
//! | what a job's row says of it | `record.rs` |
//! | how a job is done elsewhere, and gone on with after a crash | `serve.rs`, `attempt.rs`, `story.rs` |
//! | drawings whose client waits | `waiting.rs` |
//! | where an attempt is written down, fenced by the lease | `journal.rs` |
//! | who is told when an attempt is left before its end | `owed.rs` |
//! | what is set aside and spent, by all nodes together | `spend.rs` |
//! | what providers send when they are done | `wake.rs` |
//! | what operators see and set | `standing.rs`, `metrics.rs` |

mod accounts;
mod attempt;
mod consent;
mod journal;
mod metrics;
mod offer;
mod owed;
mod own;
mod record;
mod serve;
mod spend;
mod standing;
mod story;
mod waiting;
mod wake;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use easel_outbound::Client;
use easel_providers::{
    Account, AccountError, Catalogue, Fleet, Instant, Pace, ProviderId, Registry, Rules, Secret, Spent, Thresholds,
};
use easel_store::Timestamp;

use crate::{Context, bus::Bus, keyring::Keyring};

pub use consent::Consent;
pub use easel_providers::Local;
pub(crate) use offer::size_of;
pub use offer::{Offer, Quoted};
pub use own::{ConfigTest, ConfigWords};
pub use record::{Away, ServedBy};
pub(crate) use serve::{Elsewhere, Errand};
pub(crate) use spend::close;
pub use standing::Standing;
pub use waiting::{Waiting, after, here};
pub use wake::WakeError;

use accounts::Serving;
use own::OwnAccounts;

/// An account of the operator's.
#[derive(Debug, Clone)]
pub struct OperatorAccount {
    /// The account.
    pub account: Account,
    /// The model there for models here.
    pub models: BTreeMap<String, String>,
    /// The model there for every other.
    pub default_model: Option<String>,
    /// What its webhooks are signed with, where the two agree on something.
    pub webhook_secret: Option<Secret>,
}

/// How jobs are done elsewhere.
#[derive(Debug, Clone)]
pub struct FallbackSettings {
    /// Whether, after which wait, and how often.
    pub rules: Rules,
    /// People's own accounts are used for their jobs.
    pub own_accounts: bool,
    /// How often providers are asked.
    pub pace: Pace,
    /// How long a job may take elsewhere.
    pub time_limit: Duration,
    /// When breakers open.
    pub thresholds: Thresholds,
    /// Our address, where providers may say that they are done.
    pub public_url: Option<String>,
}

impl Default for FallbackSettings {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            own_accounts: false,
            pace: Pace::default(),
            time_limit: Duration::from_secs(600),
            thresholds: Thresholds::default(),
            public_url: None,
        }
    }
}

/// Work that is done elsewhere. Cheap to clone.
#[derive(Clone)]
pub struct Fallback {
    context: Context,
    keyring: Keyring,
    client: Client,
    bus: Bus,
    settings: Arc<FallbackSettings>,
    inner: Arc<Inner>,
}

struct Inner {
    fleet: Fleet,
    serving: BTreeMap<ProviderId, Serving>,
    catalogue: Catalogue,
    /// People's own accounts, as they were last read.
    own: Mutex<BTreeMap<String, Arc<OwnAccounts>>>,
    /// Which settings by hand were followed.
    switched: Mutex<BTreeMap<String, Timestamp>>,
    keys: wake::Keys,
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback").field("accounts", &self.inner.fleet.registry()).finish_non_exhaustive()
    }
}

impl Fallback {
    /// With the operator's accounts, in the order in which they are tried.
    ///
    /// # Errors
    /// [`AccountError`] says what is wrong with one of them.
    pub fn new(
        context: Context,
        keyring: Keyring,
        client: Client,
        bus: Bus,
        catalogue: Catalogue,
        accounts: Vec<OperatorAccount>,
        settings: FallbackSettings,
    ) -> Result<Self, AccountError> {
        let mut serving = BTreeMap::new();
        let mut plain = Vec::new();
        for OperatorAccount { account, models, default_model, webhook_secret } in accounts {
            serving.insert(account.id.clone(), Serving { kind: account.kind, models, default_model, webhook_secret });
            plain.push(account);
        }
        let registry = Registry::new(&client, &catalogue, plain)?;
        // What was spent is read before each decision; until then nobody knows, and nothing is spent.
        let fleet = Fleet::new(registry, settings.thresholds, &BTreeMap::<ProviderId, Spent>::new());
        let inner =
            Inner { fleet, serving, catalogue, own: Mutex::default(), switched: Mutex::default(), keys: wake::Keys::default() };
        Ok(Self { context, keyring, client, bus, settings: Arc::new(settings), inner: Arc::new(inner) })
    }

    /// How jobs are done elsewhere.
    pub fn settings(&self) -> &FallbackSettings {
        &self.settings
    }

    /// Whether anything is ever sent anywhere.
    pub fn is_on(&self) -> bool {
        self.settings.rules.enabled && (self.settings.own_accounts || !self.inner.serving.is_empty())
    }

    /// Now, as the fleet counts it.
    fn now(&self) -> Instant {
        Instant(u64::try_from(self.context.now().0).unwrap_or(0))
    }
}
