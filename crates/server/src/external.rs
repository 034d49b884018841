//! External image services, from the operator's file (`docs/providers.md`). Their keys are in the environment or, sealed, in the database;
//! never in the file.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use easel_outbound::{Client, HostPattern};
use easel_platform::{
    Platform,
    fallback::{Fallback, FallbackSettings, OperatorAccount},
    keyring::Keyring,
    secrets::SecretStore,
};
use easel_providers::{Account, Catalogue, Kind, Limit, Micros, Owner, ProviderId, Rules, Secret};
use serde::Deserialize;

use crate::{
    config::{Config, Environment},
    error::{Exit, Failure, Result},
    platform::failed,
};

/// Micros of a dollar.
const DOLLAR: f64 = 1_000_000.0;
/// No budget is larger: beyond it is a slip of the hand.
const BUDGET_MAX: f64 = 10_000_000.0;

/// What stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Whether anything leaves this host.
    #[serde(default)]
    enabled: bool,
    /// Seconds somebody waits here before somebody else is asked.
    #[serde(default = "max_wait")]
    max_wait: u64,
    /// How many providers are tried for one job.
    #[serde(default = "attempts_max")]
    attempts_max: usize,
    /// Seconds a job may take elsewhere.
    #[serde(default = "time_limit")]
    time_limit: u64,
    /// People's own accounts are used for their jobs.
    #[serde(default)]
    own_accounts: bool,
    /// A file of models and prices that replaces entries of the shipped one.
    catalogue: Option<String>,
    #[serde(default)]
    provider: Vec<Entry>,
}

fn max_wait() -> u64 {
    60
}

fn attempts_max() -> usize {
    3
}

fn time_limit() -> u64 {
    600
}

/// One account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    kind: String,
    base_url: Option<String>,
    /// The variable that holds the key. Without one it is the secret `provider:<name>`.
    key_env: Option<String>,
    /// The variable that holds what webhooks are signed with. Without one it is the secret `provider-webhook:<name>`, if there is one.
    webhook_secret_env: Option<String>,
    /// US dollars.
    budget_day: f64,
    budget_month: f64,
    region: Option<String>,
    #[serde(default)]
    picture_hosts: Vec<String>,
    #[serde(default)]
    idempotent: bool,
    /// The model there for models here.
    #[serde(default)]
    models: BTreeMap<String, String>,
    default_model: Option<String>,
}

/// What the file says, without the keys.
pub struct Named {
    file: File,
    catalogue: Catalogue,
}

/// The file, if one is named: read and judged, nothing opened.
pub fn read(config: &Config) -> Result<Option<Named>> {
    let Some(path) = &config.outside.external else { return Ok(None) };
    let wrong = |what: String| Failure::new(Exit::Usage, format!("{}: {what}", path.display()));
    let text = text_of(path)?;
    // What is wrong is said without the line it is in: somebody may have put a key there.
    let file: File = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    let mut catalogue = Catalogue::shipped();
    if let Some(name) = &file.catalogue {
        let beside = path.parent().unwrap_or(Path::new(".")).join(name);
        let more = Catalogue::parse(&text_of(&beside)?).map_err(|error| wrong(format!("{name}: {error}")))?;
        catalogue = catalogue.with(more);
    }
    Ok(Some(Named { file, catalogue }))
}

fn text_of(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Failure::io(format!("cannot read {}", path.display()), &error))
}

/// What leads to external services. Without a file nothing leaves this host, and people can keep accounts of their own for the day it may.
pub async fn open(
    config: &Config,
    environment: &Environment,
    platform: &Platform,
    keyring: &Keyring,
    client: &Client,
) -> Result<Fallback> {
    let named = read(config)?;
    let path = config.outside.external.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let wrong = |what: String| Failure::new(Exit::Usage, format!("{path}: {what}"));
    let secrets = SecretStore::new(platform.context.clone(), keyring.clone());
    let mut settings = FallbackSettings { public_url: config.server.public_url.clone(), ..FallbackSettings::default() };
    let (mut accounts, mut catalogue) = (Vec::new(), Catalogue::shipped());
    if let Some(named) = named {
        settings.rules = rules(&named.file);
        settings.own_accounts = named.file.own_accounts;
        settings.time_limit = Duration::from_secs(named.file.time_limit);
        catalogue = named.catalogue;
        for entry in &named.file.provider {
            let key = secret(environment, &secrets, entry.key_env.as_deref(), &format!("provider:{}", entry.name)).await?;
            let webhook = format!("provider-webhook:{}", entry.name);
            let webhook_secret = secret(environment, &secrets, entry.webhook_secret_env.as_deref(), &webhook).await?;
            let account = account(entry, key, &catalogue).map_err(|what| wrong(format!("provider {}: {what}", entry.name)))?;
            let (models, default_model) = (entry.models.clone(), entry.default_model.clone());
            accounts.push(OperatorAccount { account, models, default_model, webhook_secret });
        }
    }
    let (context, bus) = (platform.context.clone(), platform.jobs.bus().clone());
    Fallback::new(context, keyring.clone(), client.clone(), bus, catalogue, accounts, settings)
        .map_err(|error| wrong(error.to_string()))
}

fn rules(file: &File) -> Rules {
    Rules { enabled: file.enabled, max_wait: Duration::from_secs(file.max_wait), attempts_max: file.attempts_max }
}

/// From the variable that is named, else sealed in the database.
async fn secret(environment: &Environment, secrets: &SecretStore, variable: Option<&str>, name: &str) -> Result<Option<Secret>> {
    if let Some(variable) = variable {
        let value = environment.get(variable).filter(|value| !value.trim().is_empty());
        return match value {
            Some(value) => Ok(Some(Secret::new(value.as_str()))),
            None => {
                Err(Failure::new(Exit::Usage, format!("the variable {variable} is not set, and the providers' file names it")))
            }
        };
    }
    let kept = secrets.get(name).await.map_err(|error| failed(&error))?;
    Ok(kept.map(|secret| Secret::new(secret.as_str())))
}

fn account(entry: &Entry, key: Option<Secret>, catalogue: &Catalogue) -> std::result::Result<Account, String> {
    let id = entry.name.parse::<ProviderId>().map_err(|error| error.to_string())?;
    if id.as_str().starts_with("own-") {
        return Err("names that begin with `own-` are for people's own accounts".to_owned());
    }
    let kind = entry.kind.parse::<Kind>().map_err(|error| error.to_string())?;
    let hosts: std::result::Result<Vec<_>, _> = entry.picture_hosts.iter().map(|host| host.parse::<HostPattern>()).collect();
    let budget = Limit { day: micros(entry.budget_day)?, month: micros(entry.budget_month)? };
    let known: BTreeMap<String, _> = catalogue.models(kind).map(|(name, model)| (name.to_owned(), model.clone())).collect();
    for name in entry.models.values().chain(&entry.default_model) {
        if !known.contains_key(name) {
            return Err(format!(
                "the model {name} is not in the catalogue: name it and its price in a file of your own (`catalogue`)"
            ));
        }
    }
    if key.is_none() && kind != Kind::OpenaiCompatible {
        return Err(format!("it has no key: name a variable (`key_env`), or run `easel secrets set provider:{}`", entry.name));
    }
    Ok(Account {
        id,
        kind,
        owner: Owner::Operator,
        base_url: entry.base_url.clone(),
        key: key.unwrap_or_else(|| Secret::new("")),
        budget,
        region: entry.region.clone(),
        picture_hosts: hosts.map_err(|error| format!("a host of `picture_hosts` cannot be used: {error}"))?,
        idempotent: entry.idempotent,
        models: if kind == Kind::OpenaiCompatible { known } else { BTreeMap::new() },
    })
}

fn micros(dollars: f64) -> std::result::Result<Micros, String> {
    if !(0.0..=BUDGET_MAX).contains(&dollars) {
        return Err("a budget is an amount of US dollars, such as 5.0".to_owned());
    }
    Ok(Micros((dollars * DOLLAR).round() as u64))
}

impl Named {
    /// For people: how many, and whether anything leaves.
    pub fn summary(&self) -> String {
        let names: Vec<_> = self.file.provider.iter().map(|entry| entry.name.as_str()).collect();
        let state = if self.file.enabled { "on" } else { "off (`enabled = true` switches it on)" };
        format!("{}; falling back is {state}", if names.is_empty() { "none".to_owned() } else { names.join(", ") })
    }

    /// The variables that it names and that are not set.
    pub fn missing<'a>(&'a self, environment: &'a Environment) -> impl Iterator<Item = &'a str> {
        let named = self.file.provider.iter().flat_map(|entry| [&entry.key_env, &entry.webhook_secret_env]);
        named.flatten().map(String::as_str).filter(|name| !environment.contains_key(*name))
    }

    /// What cannot be used in it, keys aside.
    pub fn wrong(&self) -> Option<String> {
        self.file.provider.iter().find_map(|entry| {
            let judged = account(entry, Some(Secret::new("x")), &self.catalogue);
            judged.err().map(|what| format!("provider {}: {what}", entry.name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> std::result::Result<Account, String> {
        let head = "[[provider]]\nname = \"fal\"\nkind = \"fal\"\nbudget_day = 5.0\nbudget_month = 50.0\n";
        let file: File = toml::from_str(&format!("{head}{text}")).map_err(|error| error.message().to_owned())?;
        account(&file.provider[0], Some(Secret::new("k")), &Catalogue::shipped())
    }

    #[test]
    fn an_account_is_read_with_its_budget_in_dollars() {
        let read = read("default_model = \"fal-ai/flux/dev\"\nregion = \"us\"").unwrap();
        assert_eq!(read.budget, Limit { day: Micros(5_000_000), month: Micros(50_000_000) });
        assert_eq!((read.kind, read.owner), (Kind::Fal, Owner::Operator));
    }

    #[test]
    fn what_cannot_be_used_is_said_without_secrets() {
        for (text, what) in [
            ("key = \"sk-hunter2\"", "unknown field"),
            ("default_model = \"no/such\"", "not in the catalogue"),
            ("picture_hosts = [\"a b\"]", "cannot be used"),
            ("budget = 1.0", "unknown field"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(what) && !error.contains("hunter2"), "{error}");
        }
        for bad in [-1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert!(micros(bad).is_err(), "{bad}");
        }
    }
}
