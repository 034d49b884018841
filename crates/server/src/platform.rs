//! Opens what the platform stands on, as configured: database, pictures, plans, secret.

use std::{fs, io::Write, path::Path, sync::Arc};

use easel_blobs::{Blobs, SigningKeys};
use easel_platform::{Context, Platform, PlatformError, PlatformSettings, accounts, jobs, plans::Catalogue};
use easel_store::{Db, Settings};

use crate::{
    config::Config,
    error::{Exit, Failure, Result},
};

/// The file in the data folder that holds the secret where none is configured.
const SECRET_FILE: &str = "secret.key";
/// Bytes of it.
const SECRET_BYTES: usize = 32;

/// The platform, with its tables up to date.
pub async fn open(config: &Config) -> Result<Arc<Platform>> {
    let db = database(config).await?;
    db.migrate().await.map_err(|error| failed(&error.into()))?;
    over(config, db)
}

/// The platform over an open database.
pub fn over(config: &Config, db: Db) -> Result<Arc<Platform>> {
    let blobs = blobs(config)?;
    let settings = PlatformSettings {
        accounts: accounts::Settings {
            public_url: public_url(config),
            verification_required: config.accounts.verification_required,
            ..accounts::Settings::default()
        },
        jobs: jobs::Settings { charging: config.accounts.charging, ..jobs::Settings::default() },
    };
    let platform = Platform::new(Context::system(db), catalogue(config)?, blobs, settings);
    Ok(Arc::new(platform.map_err(|error| failed(&error))?))
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

fn blobs(config: &Config) -> Result<Blobs> {
    let data = &config.storage.data_dir;
    let url = match &config.state.blobs {
        Some(url) => url.clone(),
        None => {
            let folder =
                std::path::absolute(data.join("blobs")).map_err(|error| Failure::io("cannot tell where we are", &error))?;
            format!("file://{}", folder.display())
        }
    };
    let secret = match &config.state.secret {
        Some(secret) => secret.clone().into_bytes(),
        None => {
            secret_of(data).map_err(|error| Failure::io(format!("cannot use {SECRET_FILE} in {}", data.display()), &error))?
        }
    };
    let settings = SigningKeys::new(vec![secret]).and_then(|signing_keys| {
        Blobs::open(easel_blobs::Settings { url, options: Vec::new(), address: None, signing_keys, cdn: None })
    });
    settings.map_err(|error| Failure::new(Exit::Usage, format!("cannot use the place for pictures: {error}")))
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
    let Some(path) = &config.accounts.plans else { return Ok(Catalogue::embedded()) };
    let text = fs::read_to_string(path).map_err(|error| Failure::io(format!("cannot read {}", path.display()), &error))?;
    Catalogue::parse(&text).map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", path.display())))
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
