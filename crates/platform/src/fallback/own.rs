//! People's own accounts with image services: for their jobs alone, to public hosts alone, at no price here. The key goes in and never out.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use easel_outbound::Reach;
use easel_providers::{
    Ability, Account, AccountError, Capabilities, Field, Fleet, Kind, Limit, Micros, Owner, Price, ProviderId, Registered,
    Registry, Secret, Sizes, Spent, connect,
};
use easel_store::{
    api_configs::{self, ApiConfig},
    audit,
    sealed::Column,
    users,
};

use super::{Fallback, accounts::Everybody};
use crate::{PlatformError, accounts::Actor, keyring::Place};

/// Accounts of one person.
const CONFIGS_MAX: i64 = 10;
/// People whose accounts are kept ready; beyond that they are read anew.
const READY_MAX: usize = 256;
/// Longest texts.
const NAME_MAX: usize = 100;
const KEY_MAX: usize = 4096;
/// How long a test may take.
const TEST_MAX: Duration = Duration::from_secs(15);
/// Letters of a key that are shown.
const HINT: usize = 4;

/// What somebody says of an account of theirs.
#[derive(Clone, Copy)]
pub struct ConfigWords<'a> {
    /// What they call it.
    pub name: &'a str,
    /// The service.
    pub provider: &'a str,
    /// Where it is, for a server of their own alone.
    pub base_url: Option<&'a str>,
    /// The key; `None` leaves the one there is.
    pub key: Option<&'a str>,
    /// The model there; for services of the catalogue one of its models.
    pub model: &'a str,
    /// It is used.
    pub is_active: bool,
}

impl std::fmt::Debug for ConfigWords<'_> {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigWords").field("name", &self.name).field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// What came of trying an account out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigTest {
    /// Its server answers, and does not refuse the key.
    pub ok: bool,
    /// A plain word: `ok`, `key_refused`, `unreachable`, …
    pub code: &'static str,
}

/// One person's own accounts.
pub(super) struct OwnAccounts {
    /// What they were made of.
    stamp: Vec<(String, i64)>,
    pub fleet: Fleet,
    of: BTreeMap<ProviderId, (String, String)>,
}

impl OwnAccounts {
    /// What its owner calls it.
    pub fn title(&self, id: &ProviderId) -> Option<String> {
        self.of.get(id).map(|(title, _)| title.clone())
    }

    /// The model there.
    pub fn model(&self, id: &ProviderId) -> Option<String> {
        self.of.get(id).map(|(_, model)| model.clone())
    }
}

impl Fallback {
    /// Somebody's own accounts, oldest first.
    pub async fn configs(&self, user_id: &str) -> Result<Vec<ApiConfig>, PlatformError> {
        Ok(api_configs::of_user(&self.context.db, user_id).await?)
    }

    /// A new one. Its address is judged, and nothing is sent.
    ///
    /// # Errors
    /// [`PlatformError::Outbound`] for an address that is not allowed, [`PlatformError::Invalid`], [`PlatformError::Limit`] for one too many.
    pub async fn add_config(&self, actor: &Actor, words: ConfigWords<'_>) -> Result<ApiConfig, PlatformError> {
        let moment = self.context.moment();
        let key = words.key.unwrap_or_default().trim();
        let id = moment.id();
        let config = self.checked(actor.id(), &id, words, key, moment.now).await?;
        let mut tx = self.context.db.begin().await?;
        // The user's row makes their requests take turns, so that no two of them count the same limit.
        users::lock(&mut tx, actor.id()).await?.ok_or(PlatformError::NotFound("user"))?;
        if api_configs::count(&mut tx, actor.id()).await? >= CONFIGS_MAX {
            return Err(PlatformError::Limit { code: "too_many_api_configs", what: "accounts of your own", max: CONFIGS_MAX });
        }
        api_configs::insert(&mut tx, &config).await?;
        audit::append(&mut tx, &moment, actor.record("api_config.create", Some(("api_config", &id)), "{}")).await?;
        tx.commit().await?;
        Ok(config)
    }

    /// Other words for one of somebody's. The new address is judged like the first.
    pub async fn change_config(&self, actor: &Actor, id: &str, words: ConfigWords<'_>) -> Result<ApiConfig, PlatformError> {
        let moment = self.context.moment();
        let before = api_configs::by_id(&self.context.db, actor.id(), id).await?.ok_or(NO_CONFIG)?;
        let moved = before.provider != words.provider || before.base_url.as_deref() != words.base_url;
        let old = match words.key {
            Some(_) => None,
            // A key that was given for one server is not sent to another.
            None if moved => {
                return Err(PlatformError::Invalid { field: "key", problem: "is needed for another service or address" });
            }
            None => Some(self.open_key(&before)?),
        };
        let key = words.key.map(str::trim).or(old.as_ref().map(|old| old.as_str())).unwrap_or_default();
        let mut config = self.checked(actor.id(), id, words, key, moment.now).await?;
        config.created_at = before.created_at;
        let mut tx = self.context.db.begin().await?;
        if !api_configs::change(&mut tx, &config).await? {
            return Err(NO_CONFIG);
        }
        audit::append(&mut tx, &moment, actor.record("api_config.change", Some(("api_config", id)), "{}")).await?;
        tx.commit().await?;
        Ok(config)
    }

    /// Takes one away.
    pub async fn delete_config(&self, actor: &Actor, id: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        if !api_configs::delete(&mut tx, actor.id(), id).await? {
            return Err(NO_CONFIG);
        }
        audit::append(&mut tx, &moment, actor.record("api_config.delete", Some(("api_config", id)), "{}")).await?;
        Ok(tx.commit().await?)
    }

    /// Tries one out: its server is asked for something that costs nothing and does not exist.
    pub async fn test_config(&self, user_id: &str, id: &str) -> Result<ConfigTest, PlatformError> {
        let config = api_configs::by_id(&self.context.db, user_id, id).await?.ok_or(NO_CONFIG)?;
        let key = self.open_key(&config)?;
        let registered = self.connected(&config, &key)?;
        let outcome = tokio::time::timeout(TEST_MAX, registered.provider.probe()).await;
        let code = match outcome {
            Err(_) => "timeout",
            Ok(Ok(())) => "ok",
            Ok(Err(failure)) => match failure.status {
                Some(401 | 403) => "key_refused",
                Some(402) => "no_credit",
                Some(429) => "rate_limited",
                // It answers, and says that there is no such thing: as it should.
                Some(400..=499) => "ok",
                Some(_) => "server_error",
                None if failure.code.as_deref() == Some("address_not_allowed") => "address_not_allowed",
                None => "unreachable",
            },
        };
        Ok(ConfigTest { ok: code == "ok", code })
    }

    /// Everybody who may serve this person's jobs.
    pub(super) async fn everybody(&self, user_id: &str) -> Result<Everybody, PlatformError> {
        let own = if self.settings.own_accounts { self.own(user_id).await? } else { None };
        Ok(Everybody { fallback: self.clone(), own })
    }

    async fn own(&self, user_id: &str) -> Result<Option<Arc<OwnAccounts>>, PlatformError> {
        let configs = self.configs(user_id).await?;
        let active: Vec<&ApiConfig> = configs.iter().filter(|config| config.is_active).collect();
        let stamp: Vec<_> = active.iter().map(|config| (config.id.clone(), config.updated_at.0)).collect();
        let ready = self.ready();
        if let Some(known) = ready.get(user_id).filter(|known| known.stamp == stamp) {
            return Ok(Some(Arc::clone(known)));
        }
        drop(ready);
        if active.is_empty() {
            return Ok(None);
        }
        let (mut accounts, mut of) = (Vec::new(), BTreeMap::new());
        for config in active {
            // One that cannot be used any more keeps nobody from the others.
            let made = self.open_key(config).and_then(|key| {
                let account = account(config, &key)?;
                connect(&self.client, &self.inner.catalogue, account.clone()).map_err(refused)?;
                Ok(account)
            });
            match made {
                Ok(account) => {
                    of.insert(account.id.clone(), (config.name.clone(), config.model.clone()));
                    accounts.push(account);
                }
                Err(error) => tracing::warn!(config = config.id, error = ?error, "somebody's own account cannot be used"),
            }
        }
        let registry = Registry::new(&self.client, &self.inner.catalogue, accounts).map_err(refused)?;
        let spent = of.keys().map(|id| (id.clone(), Spent::default())).collect();
        let own = Arc::new(OwnAccounts { stamp, fleet: Fleet::new(registry, self.settings.thresholds, &spent), of });
        let mut ready = self.ready();
        if ready.len() >= READY_MAX {
            ready.clear();
        }
        ready.insert(user_id.to_owned(), Arc::clone(&own));
        Ok(Some(own))
    }

    fn ready(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<OwnAccounts>>> {
        self.inner.own.lock().expect("no thread panics while it holds this. This is a bug.")
    }

    async fn checked(
        &self,
        user_id: &str,
        id: &str,
        words: ConfigWords<'_>,
        key: &str,
        now: easel_store::Timestamp,
    ) -> Result<ApiConfig, PlatformError> {
        let plain =
            |text: &str| !text.trim().is_empty() && text.chars().count() <= NAME_MAX && !text.chars().any(char::is_control);
        if !plain(words.name) {
            return Err(PlatformError::Invalid { field: "name", problem: "must have 1 to 100 characters" });
        }
        if !plain(words.model) {
            return Err(PlatformError::Invalid { field: "model", problem: "must have 1 to 100 characters" });
        }
        if key.len() > KEY_MAX {
            return Err(PlatformError::Invalid { field: "key", problem: "is too long" });
        }
        let config = ApiConfig {
            secret: self.keyring.seal(&*self.context.secrets, place(id), key.as_bytes())?,
            id: id.to_owned(),
            user_id: user_id.to_owned(),
            name: words.name.trim().to_owned(),
            provider: words.provider.to_owned(),
            base_url: words.base_url.map(str::to_owned),
            key_hint: hint(key),
            model: words.model.trim().to_owned(),
            is_active: words.is_active,
            created_at: now,
            updated_at: now,
        };
        let registered = self.connected(&config, key)?;
        if registered.provider.capabilities(&config.model).is_none() {
            return Err(PlatformError::Invalid { field: "model", problem: "is none that this server knows of this provider" });
        }
        if let Some(url) = &config.base_url {
            self.client.check_within(url, &Reach::Public).await?;
        }
        Ok(config)
    }

    fn connected(&self, config: &ApiConfig, key: &str) -> Result<Registered, PlatformError> {
        connect(&self.client, &self.inner.catalogue, account(config, key)?).map_err(refused)
    }

    fn open_key(&self, config: &ApiConfig) -> Result<zeroize::Zeroizing<String>, PlatformError> {
        let plain = self.keyring.open(place(&config.id), &config.secret)?;
        let text = std::str::from_utf8(&plain).map_err(|_| PlatformError::Sealed)?;
        Ok(zeroize::Zeroizing::new(text.to_owned()))
    }
}

const NO_CONFIG: PlatformError = PlatformError::NotFound("account of yours");

/// Where a key is sealed for.
fn place(id: &str) -> Place<'_> {
    Place { column: Column::ApiConfig, row: id }
}

/// The end of a key, to tell it by; of a short one nothing.
fn hint(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    if letters.len() < 4 * HINT { String::new() } else { letters[letters.len() - HINT..].iter().collect() }
}

fn account(config: &ApiConfig, key: &str) -> Result<Account, PlatformError> {
    let unknown = PlatformError::Invalid { field: "provider", problem: "is none that there is" };
    let kind = config.provider.parse::<Kind>().map_err(|_| unknown)?;
    let id = format!("own-{}", config.id).parse::<ProviderId>().map_err(|_| NO_CONFIG)?;
    let own_server = kind == Kind::OpenaiCompatible;
    let models = if own_server { BTreeMap::from([(config.model.clone(), anything())]) } else { BTreeMap::new() };
    Ok(Account {
        id,
        kind,
        owner: Owner::User,
        base_url: config.base_url.clone(),
        key: Secret::new(key),
        // What they spend is between them and the provider.
        budget: Limit { day: Micros(u64::MAX), month: Micros(u64::MAX) },
        region: None,
        picture_hosts: Vec::new(),
        idempotent: false,
        models,
    })
}

/// What a server of somebody's own is taken to be able to do: what OpenAI's API has words for.
fn anything() -> Capabilities {
    Capabilities {
        tasks: vec![Ability::Text, Ability::Image, Ability::Inpaint],
        pictures_max: 1,
        sizes: Sizes::Free { multiple: 8, min: 64, max: 2048, pixels_max: 4_194_304 },
        qualities: Vec::new(),
        accepts: Vec::<Field>::new(),
        steps_max: None,
        seed_max: u64::from(u32::MAX),
        prompt_max: None,
        prices: vec![Price { size: None, quality: None, micros: Micros::ZERO, per_megapixel: false }],
        image_field: None,
        edit_model: None,
        version: None,
    }
}

/// Without anything of the key or the address.
fn refused(error: AccountError) -> PlatformError {
    match error {
        AccountError::Address(error) => PlatformError::Outbound(error),
        AccountError::Key => PlatformError::Invalid { field: "key", problem: "is missing, or cannot be sent" },
        AccountError::BaseUrl => {
            PlatformError::Invalid { field: "base_url", problem: "is for openai_compatible, and needed there" }
        }
        AccountError::Model(_) | AccountError::Models => {
            PlatformError::Invalid { field: "model", problem: "is none that this server knows of this provider" }
        }
        AccountError::Twice(_) => PlatformError::Taken("name"),
    }
}
