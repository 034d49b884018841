//! A store from its address: `file:///data/blobs`, `s3://bucket/prefix`, `gs://bucket`, `az://container`, or `memory:///` for tests.
//!
//! Credentials come from the options or from the environment variables each cloud's own tools read.

use std::{fmt, fs, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ObjectStore, ObjectStoreScheme, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    local::LocalFileSystem,
    memory::InMemory,
    path::Path,
    signer::Signer,
};
use url::Url;

use crate::{BlobError, SigningKeys};

/// How long one answer of the store may be tried for; a request of ours waits behind it.
const RETRY_LIMIT: Duration = Duration::from_secs(20);
const RETRIES_MAX: usize = 4;

/// Where files are kept, and how addresses to them are made.
pub struct Settings {
    /// The store's address.
    pub url: String,
    /// The store's options by their `object_store` names: `endpoint`, `region`, `access_key_id`, `secret_access_key`, …
    pub options: Vec<(String, String)>,
    /// Where this server answers signed addresses itself, `https://host/files/`; for stores that cannot sign.
    pub address: Option<Url>,
    /// What such addresses are signed with.
    pub signing_keys: SigningKeys,
    /// Where public files are delivered from, if not from this server.
    pub cdn: Option<Url>,
}

impl fmt::Debug for Settings {
    /// Options may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.options.iter().map(|(name, _)| name).collect();
        f.debug_struct("Settings").field("url", &self.url).field("options", &names).field("cdn", &self.cdn).finish()
    }
}

/// A store that is open.
pub(crate) struct Opened {
    pub store: Arc<dyn ObjectStore>,
    pub signer: Option<Arc<dyn Signer>>,
    pub kind: Kind,
    /// What every path begins with.
    pub prefix: Path,
}

/// What differs between stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Local(PathBuf),
    Memory,
    S3,
    Google,
    Azure,
}

pub(crate) fn open(settings: &Settings) -> Result<Opened, BlobError> {
    let url = Url::parse(&settings.url).map_err(|_| unusable("the address is not a URL such as file:///data/blobs"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(unusable("credentials belong into the options or the environment, not into the address"));
    }
    let (scheme, prefix) = ObjectStoreScheme::parse(&url).map_err(|_| unusable("known: file, s3, gs, az"))?;
    let retry = RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES_MAX, retry_timeout: RETRY_LIMIT };
    match scheme {
        ObjectStoreScheme::Local => local(&url),
        ObjectStoreScheme::Memory => Ok(Opened { store: Arc::new(InMemory::new()), signer: None, kind: Kind::Memory, prefix }),
        ObjectStoreScheme::AmazonS3 => {
            let builder = AmazonS3Builder::from_env().with_url(url.as_str()).with_retry(retry);
            let builder = each::<AmazonS3ConfigKey, _>(builder, &settings.options, AmazonS3Builder::with_config)?;
            // A plain address is only ever one in the operator's own network: asking twice helps nobody.
            let plain = builder.get_config_value(&AmazonS3ConfigKey::Endpoint).is_some_and(|at| at.starts_with("http://"));
            let builder = if plain { builder.with_allow_http(true) } else { builder };
            let store = Arc::new(builder.build().map_err(|error| described(&error))?);
            Ok(Opened { signer: Some(store.clone()), store, kind: Kind::S3, prefix })
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str()).with_retry(retry);
            let builder = each::<GoogleConfigKey, _>(builder, &settings.options, GoogleCloudStorageBuilder::with_config)?;
            let store = Arc::new(builder.build().map_err(|error| described(&error))?);
            Ok(Opened { signer: Some(store.clone()), store, kind: Kind::Google, prefix })
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(url.as_str()).with_retry(retry);
            let builder = each::<AzureConfigKey, _>(builder, &settings.options, MicrosoftAzureBuilder::with_config)?;
            let store = Arc::new(builder.build().map_err(|error| described(&error))?);
            Ok(Opened { signer: Some(store.clone()), store, kind: Kind::Azure, prefix })
        }
        _ => Err(unusable("known: file, s3, gs, az")),
    }
}

/// A folder of this machine; made if it is not there, readable for nobody else.
fn local(url: &Url) -> Result<Opened, BlobError> {
    let folder = url.to_file_path().map_err(|()| unusable("a local folder is written file:///data/blobs"))?;
    make_private(&folder).map_err(|error| BlobError::Settings(format!("the folder cannot be made: {error}")))?;
    let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| described(&error))?.with_fsync(true);
    Ok(Opened { store: Arc::new(store), signer: None, kind: Kind::Local(folder), prefix: Path::default() })
}

#[cfg(unix)]
fn make_private(folder: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &std::path::Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

/// Applies the options by name; an unknown one is an error rather than a setting that silently does nothing.
fn each<K: FromStr, B>(builder: B, options: &[(String, String)], with: fn(B, K, String) -> B) -> Result<B, BlobError> {
    options.iter().try_fold(builder, |builder, (name, value)| {
        let key = K::from_str(name).map_err(|_| unusable(&format!("unknown option `{name}`")))?;
        Ok(with(builder, key, value.clone()))
    })
}

fn unusable(why: &str) -> BlobError {
    BlobError::Settings(why.to_owned())
}

/// Builders name settings in their errors, no secrets.
fn described(error: &object_store::Error) -> BlobError {
    BlobError::Settings(error.to_string())
}
