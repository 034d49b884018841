//! The accounts there are. Without one that an operator, or a user for their own jobs, has configured, nothing leaves this host.

use std::{collections::BTreeMap, fmt, sync::Arc};

use easel_outbound::{
    Client, HostPattern, OutboundError, Url,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use thiserror::Error;

use crate::{
    Capabilities, Catalogue, CatalogueError, ImageProvider, Kind, Limit, Owner, ProviderId, Secret,
    adapters::{Adapter, Protocol, bfl, fal, gemini, imagen, openai, replicate, stability, together},
    catalogue,
    wire::{Line, Wire},
};

/// An account as it is configured.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name.
    pub id: ProviderId,
    /// The protocol.
    pub kind: Kind,
    /// Whose it is: a user's account serves that user's jobs alone.
    pub owner: Owner,
    /// Where it is, where that differs from [`Kind::base_url`]. A user may say so for a server of their own only.
    pub base_url: Option<String>,
    /// The key. Only a server of one's own may have none.
    pub key: Secret,
    /// What may be spent; an account without a budget is not used.
    pub budget: Limit,
    /// The region its answers are made in (`eu`), for tenants that ask for one.
    pub region: Option<String>,
    /// More hosts that its pictures lie on.
    pub picture_hosts: Vec<HostPattern>,
    /// Its server honours `Idempotency-Key`; for servers of one's own.
    pub idempotent: bool,
    /// The models of a server of one's own; for the others the catalogue's.
    pub models: BTreeMap<String, Capabilities>,
}

/// Why an account cannot be used. No text holds a key or an address.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum AccountError {
    /// There is another of that name.
    #[error("there are two providers of the name {0}")]
    Twice(ProviderId),
    /// No key.
    #[error("the provider needs a key")]
    Key,
    /// No address, or one a user may not choose.
    #[error("the provider's address must be given for openai_compatible, and only there by users")]
    BaseUrl,
    /// An address that is not allowed.
    #[error(transparent)]
    Address(#[from] OutboundError),
    /// A model that makes no sense.
    #[error(transparent)]
    Model(#[from] CatalogueError),
    /// Nothing to ask for.
    #[error("the provider has no models: name one and its price")]
    Models,
}

/// An account that can be asked.
#[derive(Clone)]
pub struct Registered {
    /// What asks it.
    pub provider: Arc<dyn ImageProvider>,
    /// Whose it is.
    pub owner: Owner,
    /// Its budget.
    pub budget: Limit,
    /// Its region.
    pub region: Option<String>,
    /// Its models' names.
    pub models: Vec<String>,
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered").field("id", self.provider.id()).field("models", &self.models).finish_non_exhaustive()
    }
}

/// All accounts, in the order in which they are tried.
#[derive(Debug, Clone, Default)]
pub struct Registry(Vec<Registered>);

impl Registry {
    /// Of accounts in the order in which they are tried.
    pub fn new(client: &Client, catalogue: &Catalogue, accounts: Vec<Account>) -> Result<Self, AccountError> {
        let mut registry = Self::default();
        for account in accounts {
            if registry.get(&account.id).is_some() {
                return Err(AccountError::Twice(account.id));
            }
            registry.0.push(connect(client, catalogue, account)?);
        }
        Ok(registry)
    }

    /// One account.
    pub fn get(&self, id: &ProviderId) -> Option<&Registered> {
        self.0.iter().find(|registered| registered.provider.id() == id)
    }

    /// All accounts.
    pub fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.0.iter()
    }
}

/// One account, ready to be asked.
pub fn connect(client: &Client, known: &Catalogue, account: Account) -> Result<Registered, AccountError> {
    let own_server = account.kind == Kind::OpenaiCompatible;
    if account.key.is_empty() && !own_server {
        return Err(AccountError::Key);
    }
    if account.owner == Owner::User && account.base_url.is_some() != own_server {
        return Err(AccountError::BaseUrl);
    }
    let base = account.base_url.as_deref().or(account.kind.base_url()).ok_or(AccountError::BaseUrl)?;
    client.check(base)?;
    let base: Url = base.parse().map_err(|_| AccountError::BaseUrl)?;
    if base.query().is_some() || base.fragment().is_some() {
        return Err(AccountError::BaseUrl);
    }
    let mut models: BTreeMap<String, Capabilities> =
        known.models(account.kind).map(|(name, model)| (name.to_owned(), model.clone())).collect();
    for (name, model) in account.models {
        catalogue::check(account.kind, &name, &model)?;
        models.insert(name, model);
    }
    if models.is_empty() {
        return Err(AccountError::Models);
    }
    let names = models.keys().cloned().collect();
    let line = Line {
        auth: authorization(account.kind, &account.key)?,
        id: account.id,
        kind: account.kind,
        owner: account.owner,
        base,
        key: account.key,
        picture_hosts: account.picture_hosts,
    };
    let provider = adapter(Wire::new(client.clone(), line), models, account.idempotent && own_server);
    Ok(Registered { provider, owner: account.owner, budget: account.budget, region: account.region, models: names })
}

fn adapter(wire: Wire, models: BTreeMap<String, Capabilities>, idempotent: bool) -> Arc<dyn ImageProvider> {
    fn over<P: Protocol>(wire: Wire, models: BTreeMap<String, Capabilities>, protocol: P) -> Arc<dyn ImageProvider> {
        Arc::new(Adapter { wire, models, protocol })
    }
    match wire.kind {
        Kind::Openai => over(wire, models, openai::Openai { compatible: false, idempotent: false }),
        Kind::OpenaiCompatible => over(wire, models, openai::Openai { compatible: true, idempotent }),
        Kind::Stability => over(wire, models, stability::Stability),
        Kind::Replicate => over(wire, models, replicate::Replicate),
        Kind::Fal => over(wire, models, fal::Fal),
        Kind::Gemini => over(wire, models, gemini::Gemini),
        Kind::Imagen => over(wire, models, imagen::Imagen),
        Kind::Bfl => over(wire, models, bfl::Bfl),
        Kind::Together => over(wire, models, together::Together),
    }
}

/// How each says who asks.
fn authorization(kind: Kind, key: &Secret) -> Result<Option<(HeaderName, HeaderValue)>, AccountError> {
    if key.is_empty() {
        return Ok(None);
    }
    let (name, scheme) = match kind {
        Kind::Fal => (AUTHORIZATION, "Key "),
        Kind::Gemini | Kind::Imagen => (HeaderName::from_static("x-goog-api-key"), ""),
        Kind::Bfl => (HeaderName::from_static("x-key"), ""),
        Kind::Openai | Kind::Stability | Kind::Replicate | Kind::Together | Kind::OpenaiCompatible => (AUTHORIZATION, "Bearer "),
    };
    Ok(Some((name, key.header(scheme).ok_or(AccountError::Key)?)))
}
