//! Opens what the platform stands on, as configured: database, pictures, plans, secret.

use std::{fs, io::Write, path::Path, sync::Arc};

use easel_blobs::{Blobs, SigningKeys};
use easel_imaging::Processor;
use easel_platform::{
    Context, DatabaseClock, Platform, PlatformError, PlatformSettings, accounts,
    mail::{Mailer, Outgoing, SmtpSettings},
    plans::Catalogue,
    safety::{Filter, HttpChecker, Looks},
};
use easel_store::{Db, Settings};

use crate::{
    config::Config,
    error::{Exit, Failure, Result},
    prompts,
};

/// The file in the data folder that holds the secret where none is configured.
const SECRET_FILE: &str = "secret.key";
/// Bytes of it.
const SECRET_BYTES: usize = 32;

/// The platform, and the clock it goes by.
pub struct Opened {
    /// The services.
    pub platform: Arc<Platform>,
    /// The database's, which has to be read again now and then.
    pub clock: Arc<DatabaseClock>,
}

/// The platform, with its tables up to date. Looking for a card that finishes pictures takes a while and is for who finishes some.
pub async fn open(config: &Config, processor: Processor) -> Result<Opened> {
    let db = database(config).await?;
    db.migrate().await.map_err(|error| failed(&error.into()))?;
    over(config, db, processor).await
}

async fn over(config: &Config, db: Db, processor: Processor) -> Result<Opened> {
    let secret = secret(config)?;
    let blobs = blobs(config, &secret)?;
    let clock = Arc::new(DatabaseClock::default());
    clock.synchronize(&db).await.map_err(|error| failed(&error.into()))?;
    let settings = PlatformSettings {
        accounts: accounts::Settings {
            public_url: public_url(config),
            verification_required: config.accounts.verification_required,
            password_login: config.accounts.password_login,
            legal: config.legal.clone(),
            ..accounts::Settings::default()
        },
        jobs: config.quotas.jobs(config.accounts.charging),
        uploads: config.quotas.uploads,
        multi_tenant: config.accounts.multi_tenant,
        processor,
        secret,
        filter: filter(config)?,
        looks: looks(config)?,
        prompts: prompts::settings(config)?,
        ..PlatformSettings::default()
    };
    let context = Context { clock: clock.clone(), ..Context::system(db) };
    let mut platform = Platform::new(context, catalogue(config)?, blobs, settings).map_err(|error| failed(&error))?;
    platform.privacy = platform.privacy.clone().with_regret(config.quotas.regret);
    platform.catalogue.run_time().refresh(&platform.context).await.map_err(|error| failed(&error))?;
    Ok(Opened { platform: Arc::new(platform), clock })
}

/// The platform for a command that looks after it.
pub async fn open_for_command(config: &Config) -> Result<Arc<Platform>> {
    Ok(open(config, Processor::Cpu).await?.platform)
}

/// How mail goes out.
pub fn mailer(config: &Config, platform: &Platform) -> Result<Mailer> {
    let from = &config.accounts.mail_from;
    let outgoing = match &config.accounts.smtp {
        Some(url) => Outgoing::smtp(&SmtpSettings { url: url.clone(), from: from.clone() }),
        None => Outgoing::folder(config.storage.data_dir.join("outbox"), from),
    };
    let outgoing = outgoing.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    Ok(Mailer::new(platform.context.clone(), outgoing))
}

/// The database, as it is.
pub async fn database(config: &Config) -> Result<Db> {
    let data = &config.storage.data_dir;
    fs::create_dir_all(data).map_err(|error| Failure::io(format!("cannot use the data folder {}", data.display()), &error))?;
    let opened = Db::open(&Settings::new(config.state.database_in(data))).await;
    opened.map_err(|error| {
        tracing::debug!(error = ?error, "the database cannot be opened");
        Failure::new(Exit::Failure, format!("cannot open the database: {error}"))
            .hint("--database-url (DATABASE_URL) says where it is; `--log debug` says what it answers")
    })
}

fn blobs(config: &Config, secret: &[u8]) -> Result<Blobs> {
    let data = &config.storage.data_dir;
    let url = match &config.state.blobs {
        Some(url) => url.clone(),
        None => {
            let folder =
                std::path::absolute(data.join("blobs")).map_err(|error| Failure::io("cannot tell where we are", &error))?;
            format!("file://{}", folder.display())
        }
    };
    let settings = SigningKeys::new(vec![secret.to_owned()]).and_then(|signing_keys| {
        Blobs::open(easel_blobs::Settings { url, options: Vec::new(), address: None, signing_keys, cdn: None })
    });
    settings.map_err(|error| Failure::new(Exit::Usage, format!("cannot use the place for pictures: {error}")))
}

/// What names and addresses of files are made with.
fn secret(config: &Config) -> Result<Vec<u8>> {
    let data = &config.storage.data_dir;
    match &config.state.secret {
        Some(secret) => Ok(secret.clone().into_bytes()),
        None => secret_of(data).map_err(|error| Failure::io(format!("cannot use {SECRET_FILE} in {}", data.display()), &error)),
    }
}

/// Drawn once and kept for its owner alone.
fn secret_of(data: &Path) -> std::io::Result<Vec<u8>> {
    let path = data.join(SECRET_FILE);
    if let Some(secret) = read_secret(&path)? {
        return Ok(secret);
    }
    let mut secret = vec![0; SECRET_BYTES];
    rand::Rng::fill_bytes(&mut rand::rng(), &mut secret);
    // Written aside and linked, so that of two that start at once both have the same, whole.
    let mut aside = tempfile::Builder::new().prefix(".secret-").tempfile_in(data)?;
    aside.write_all(&secret)?;
    aside.as_file().sync_all()?;
    match aside.persist_noclobber(&path) {
        Ok(_) => Ok(secret),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            read_secret(&path)?.ok_or_else(|| std::io::ErrorKind::NotFound.into())
        }
        Err(error) => Err(error.error),
    }
}

fn read_secret(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(secret) if secret.len() == SECRET_BYTES => Ok(Some(secret)),
        Ok(_) => {
            Err(std::io::Error::other("it does not hold a secret; remove it to draw another (addresses of files end with it)"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn catalogue(config: &Config) -> Result<Catalogue> {
    let accounts = &config.accounts;
    let chosen = match &accounts.plans {
        None => match Catalogue::named(&accounts.catalogue) {
            Some(shipped) => shipped,
            // Designs before this one name the file here.
            None if Path::new(&accounts.catalogue).is_file() => catalogue_in(Path::new(&accounts.catalogue))?,
            None => return Err(Failure::new(Exit::Usage, format!("there are no plans called {}", accounts.catalogue))),
        },
        Some(path) => catalogue_in(path)?,
    };
    let refused = |error: PlatformError| Failure::new(Exit::Usage, error.to_string());
    let chosen = chosen.with_overrides(&accounts.prices).map_err(refused)?;
    let chosen = match accounts.signup_credits {
        None => chosen,
        Some(credits) => chosen.with_signup_credits(credits).map_err(refused)?,
    };
    match accounts.rollover {
        None => Ok(chosen),
        Some(rollover) => chosen.with_rollover(rollover).map_err(refused),
    }
}

fn catalogue_in(path: &Path) -> Result<Catalogue> {
    let text = fs::read_to_string(path).map_err(|error| Failure::io(format!("cannot read {}", path.display()), &error))?;
    Catalogue::parse(&text).map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", path.display())))
}

/// What texts are looked through for, where something is configured.
fn filter(config: &Config) -> Result<Option<Filter>> {
    let safety = &config.safety;
    let lists = match &safety.lists {
        Some(folder) => Filter::from_folder(folder)
            .map_err(|error| Failure::new(Exit::Usage, format!("cannot use the word lists in {}: {error}", folder.display())))?,
        None => Filter::embedded(),
    };
    Ok(Some(lists.with_mode(safety.mode)))
}

/// Who looks at pictures, where somebody is configured.
fn looks(config: &Config) -> Result<Option<Looks>> {
    let safety = &config.safety;
    let Some(settings) = &safety.checker else { return Ok(None) };
    let unusable = |what: String| Failure::new(Exit::Usage, format!("cannot use `safety.checker_url`: {what}"));
    let client = prompts::client_for(&settings.url).map_err(unusable)?;
    let checker = HttpChecker::new(client, settings.clone()).map_err(|error| unusable(error.to_string()))?;
    Ok(Some(Looks::new(Arc::new(checker), safety.keep_unseen)))
}

/// Where links in mails lead.
pub fn public_url(config: &Config) -> String {
    let here = || format!("http://{}", std::net::SocketAddr::new(config.server.host, config.server.port));
    config.server.public_url.clone().unwrap_or_else(here)
}

/// A failure of the platform, for whoever runs the command.
pub fn failed(error: &PlatformError) -> Failure {
    tracing::debug!(error = ?error, "the platform has failed");
    Failure::new(Exit::Failure, error.to_string())
}
