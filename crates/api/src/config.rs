//! What the HTTP side can be told.

use std::{fmt, time::Duration};

use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use crate::{Cdn, Door, Features, FilesConfig, Proxies};

/// A setting, as superusers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShownSetting {
    /// Its name in the configuration file.
    #[schema(example = "server.port")]
    pub key: String,
    /// Its effective value; `(redacted)` stands for a secret, null for none.
    pub value: Option<String>,
    /// Where it came from.
    #[schema(example = "default")]
    pub from: String,
}

/// What whoever reads the metrics has to show; of the text itself nothing is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct MetricsToken([u8; 32]);

impl MetricsToken {
    /// Of its text.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Whether this is it; takes the same time whatever is wrong.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.0.ct_eq(&Self::of(text).0).into()
    }
}

impl fmt::Debug for MetricsToken {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsToken")
    }
}

/// How the routes behave.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Scheme, host and path before our own paths, without a slash at the end; `None` takes the request's `Host` and plain http.
    pub public_url: Option<String>,
    /// Where pictures that everybody may see are delivered from, if not from here; not while people are divided into organisations.
    pub cdn: Option<Cdn>,
    /// What our own routes begin with, as [`crate::is_prefix`] has it; `/api/v1` answers whatever it is.
    pub prefix: String,
    /// Addresses that clients of earlier designs know are answered.
    pub compat_routes: bool,
    /// Proxies whose word on who asks is taken.
    pub proxies: Proxies,
    /// Whoever reads the metrics shows this; without one anybody may.
    pub metrics_token: Option<MetricsToken>,
    /// How people get in.
    pub door: Door,
    /// Anybody may make an account; otherwise only whoever runs commands on the server's machine.
    pub registration: bool,
    /// What is offered.
    pub features: Features,
    /// Where pictures asked for as a URL are kept, and for how long.
    pub files: FilesConfig,
    /// Bytes of a JSON body.
    pub body_bytes_max: usize,
    /// Time a client has to send its body.
    pub body_timeout: Duration,
    /// Time a client has to send a picture.
    pub upload_timeout: Duration,
    /// Time a request may wait and be drawn.
    pub generation_timeout: Duration,
    /// Write the generation parameters into the files.
    pub write_parameters: bool,
    /// The server's settings, for superusers to see; without secrets.
    pub settings: Vec<ShownSetting>,
}

impl ApiConfig {
    /// The defaults, over a store of files.
    pub fn new(files: FilesConfig) -> Self {
        Self {
            public_url: None,
            cdn: None,
            prefix: "/api/v1".to_owned(),
            compat_routes: true,
            proxies: Proxies::default(),
            metrics_token: None,
            door: Door::Accounts,
            registration: true,
            features: Features::default(),
            files,
            body_bytes_max: 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            upload_timeout: Duration::from_secs(120),
            generation_timeout: Duration::from_secs(15 * 60),
            write_parameters: true,
            settings: Vec::new(),
        }
    }
}
