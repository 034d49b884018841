//! What leads out of the server and what nodes share, as configured: key ring, webhooks, logging in elsewhere, limits, providers, and the tasks that
//! belong to them.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use easel_api::{Adapters, Services};
use easel_outbound::{Client, OutboundError, Policy};
use easel_platform::{
    Platform, PlatformError, SystemSecrets,
    bus::{Carrier, PostgresRelay, RedisRelay, Relay},
    keyring::Keyring,
    limits::Limits,
    payments::{CreemAccount, Payments, Provider, StripeAccount},
    webhooks::{Settings, Webhooks},
};
use easel_redis::Redis;
use tokio::task::JoinSet;

use crate::{
    adapters::Shelved,
    config::{self, Config},
    error::{Exit, Failure, Result},
    external, library,
    platform::public_url,
    providers,
};

/// The file in the data folder that holds the keys where none is configured.
const KEYRING_FILE: &str = "keyring";
/// Where identity providers send browsers back to, without the provider's name.
const CALLBACK: &str = "/api/v1/auth/oidc/callback";
/// Between two looks at what is to be sent.
const TURN: Duration = Duration::from_secs(1);
/// Between two looks whether a day's payments were compared.
const COMPARE: Duration = Duration::from_secs(3600);
/// Between two looks for changed plans whose payment service was not heard.
const SETTLE: Duration = Duration::from_secs(60);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(10);

/// What was set up, and the tasks that belong to it; they end when this is dropped.
#[derive(Debug)]
pub struct Outside {
    /// For the routes.
    pub services: Services,
    _tasks: JoinSet<()>,
    _carrier: Option<Carrier>,
}

/// Sets everything up.
pub async fn open(config: &Config, platform: &Arc<Platform>) -> Result<Outside> {
    let context = &platform.context;
    let keyring = keyring(config)?;
    let client = client(config)?;
    let redis = redis(config)?;
    let webhooks = Webhooks::new(context.clone(), keyring.clone(), client.clone(), Settings::default());
    let callback = format!("{}{CALLBACK}", public_url(config));
    let fetcher = fetcher(config, &client)?;
    let sign_in = providers::open(config, platform, &keyring, &client, fetcher.clone(), callback).await?;
    let payments = payments(config, platform, &client)?;
    let fallback = external::open(config, &config::environment(), platform, &keyring, &client).await?;
    let limits = Limits::new(context, config.limits.rates.clone(), redis.clone());
    let relay: Option<Arc<dyn Relay>> = match redis {
        Some(redis) => Some(Arc::new(RedisRelay::new(redis))),
        None => PostgresRelay::new(context.db.clone()).map(|relay| Arc::new(relay) as Arc<dyn Relay>),
    };
    let carrier = relay.map(|relay| platform.jobs.bus().carry(context, relay));
    let mut tasks = JoinSet::new();
    tasks.spawn(send_webhooks(webhooks.clone()));
    if let Some(payments) = payments.clone() {
        tasks.spawn(compare_payments(payments.clone()));
        tasks.spawn(settle_changes(payments));
    }
    // Thousands of styles are read before somebody waits for them.
    let words = Arc::clone(platform);
    tasks.spawn_blocking(move || {
        words.prompts.styles();
    });
    let adapters = Some(Arc::new(Shelved(library::shelf(config)?)) as Arc<dyn Adapters>);
    let services = Services {
        webhooks: Some(webhooks),
        sign_in,
        limits: Some(limits),
        fetcher: Some(fetcher),
        adapters,
        payments,
        fallback: Some(fallback),
    };
    Ok(Outside { services, _tasks: tasks, _carrier: carrier })
}

/// The file with the keys.
pub fn keyring_file(config: &Config) -> PathBuf {
    config.outside.keyring.clone().unwrap_or_else(|| config.storage.data_dir.join(KEYRING_FILE))
}

/// The keys of the secrets in the database. A file that was named must be there: a new one would open nothing.
pub fn keyring(config: &Config) -> Result<Keyring> {
    let (path, data) = (keyring_file(config), &config.storage.data_dir);
    fs::create_dir_all(data).map_err(|error| Failure::io(format!("cannot use the data folder {}", data.display()), &error))?;
    let opened =
        if config.outside.keyring.is_some() { Keyring::read(&path) } else { Keyring::open_or_create(&path, &SystemSecrets) };
    opened.map_err(|error| match error {
        PlatformError::File(error) => Failure::io(format!("cannot use the key ring {}", path.display()), &error),
        error => Failure::new(Exit::Usage, format!("{}: {error}", path.display())),
    })
}

/// Who takes the money, if anybody does.
fn payments(config: &Config, platform: &Platform, client: &Client) -> Result<Option<Payments>> {
    let provider = match &config.payments {
        config::Payments::Off => return Ok(None),
        config::Payments::Manual => Provider::Manual,
        config::Payments::External { checkout_url, secret } => {
            Provider::External { checkout_url: checkout_url.clone(), secret: secret.clone() }
        }
        config::Payments::Stripe { key, webhook_secret } => Provider::Stripe(StripeAccount {
            key: key.clone(),
            webhook_secret: webhook_secret.clone(),
            api: StripeAccount::API.to_owned(),
        }),
        config::Payments::Creem { key, webhook_secret, products } => Provider::Creem(CreemAccount {
            key: key.clone(),
            webhook_secret: webhook_secret.clone(),
            api: CreemAccount::api_of(key).to_owned(),
            products: products.clone(),
        }),
    };
    let (context, catalogue) = (platform.context.clone(), platform.catalogue.clone());
    let made = Payments::new(context, catalogue, provider, client.clone(), public_url(config));
    made.map(Some).map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

fn client(config: &Config) -> Result<Client> {
    let unusable = |error: OutboundError| Failure::new(Exit::Usage, format!("`outbound.internal_hosts` cannot be used: {error}"));
    let internal_hosts =
        config.outside.internal_hosts.iter().map(|host| host.parse()).collect::<std::result::Result<_, _>>().map_err(unusable)?;
    made(Policy { internal_hosts, ..Policy::default() })
}

/// What fetches pictures from addresses that people name: the same, unless the operator says from where alone.
fn fetcher(config: &Config, client: &Client) -> Result<Client> {
    let hosts = &config.outside.fetch_hosts;
    if hosts.is_empty() { Ok(client.clone()) } else { made(Policy { hosts: hosts.clone(), ..Policy::default() }) }
}

fn made(policy: Policy) -> Result<Client> {
    Client::new(policy).map_err(|error| Failure::new(Exit::Failure, error.to_string()))
}

fn redis(config: &Config) -> Result<Option<Redis>> {
    let Some(url) = &config.limits.redis else { return Ok(None) };
    let redis = Redis::new(easel_redis::Settings::new(url.clone()));
    redis.map(Some).map_err(|error| Failure::new(Exit::Usage, format!("cannot use `redis.url`: {error}")))
}

/// Once a day, by whichever node is first; what fails is tried again an hour later.
async fn compare_payments(payments: Payments) {
    loop {
        if let Err(error) = payments.compare_daily().await {
            tracing::warn!(error = error.code(), "payments cannot be compared for now");
        }
        tokio::time::sleep(COMPARE).await;
    }
}

/// By whichever node is first; what fails is tried again.
async fn settle_changes(payments: Payments) {
    loop {
        if let Err(error) = payments.settle_changes().await {
            tracing::warn!(error = error.code(), "what became of changed plans is not settled for now");
        }
        tokio::time::sleep(SETTLE).await;
    }
}

/// Passes events on and sends them, for as long as the server runs. A full turn is followed by the next at once.
async fn send_webhooks(webhooks: Webhooks) {
    loop {
        let turn = async {
            let passed_on = webhooks.fan_out().await?;
            let sent = webhooks.send_due().await?;
            Ok::<_, PlatformError>(passed_on > 0 || sent.delivered + sent.postponed + sent.dead > 0)
        };
        let pause = match turn.await {
            Ok(true) => continue,
            Ok(false) => TURN,
            Err(error) => {
                tracing::error!(error = ?error, "webhooks cannot be sent for now");
                PAUSE
            }
        };
        tokio::time::sleep(pause).await;
    }
}
