//! What leads out of the server: keys of its secrets, webhooks, logging in elsewhere, work that is done elsewhere.

use std::path::PathBuf;

use easel_outbound::HostPattern;

use super::{ConfigError, Setting, Values};

/// The key ring.
pub const KEYRING: Setting = Setting {
    key: "keyring_file",
    flag: "keyring-file",
    env: &["EASEL_KEYRING_FILE"],
    placeholder: "FILE",
    help: "Keys of the secrets in the database, the same on every node. Unset: made once and kept in the data folder",
    ..Setting::BASE
};

/// Identity providers.
pub const PROVIDERS: Setting = Setting {
    key: "oidc_file",
    flag: "oidc-file",
    env: &["EASEL_OIDC_FILE"],
    placeholder: "FILE",
    help: "Identity providers people may log in with (TOML, docs/sign-in.md). Unset: passwords alone",
    ..Setting::BASE
};

/// External image services.
pub const EXTERNAL: Setting = Setting {
    key: "providers_file",
    flag: "providers-file",
    env: &["EASEL_PROVIDERS_FILE"],
    placeholder: "FILE",
    help: "External image services that do what this host cannot (TOML, docs/providers.md). Unset: nothing leaves this host",
    ..Setting::BASE
};

/// Hosts within the network.
pub const INTERNAL: Setting = Setting {
    key: "outbound.internal_hosts",
    flag: "internal-hosts",
    env: &["EASEL_INTERNAL_HOSTS"],
    placeholder: "HOSTS",
    help: "Hosts within the network that webhooks and providers may be at, such as `gpu-box:7860,10.0.0.7`",
    ..Setting::BASE
};

/// Hosts that people's pictures may be at.
pub const FETCH: Setting = Setting {
    key: "outbound.fetch_hosts",
    flag: "fetch-hosts",
    env: &["EASEL_FETCH_HOSTS", "FETCH_ALLOWED_HOSTS"],
    placeholder: "HOSTS",
    help: "Hosts, with all below them, that pictures are fetched from when somebody names an address, such as `fal.media,example.org`. \
           Unset: any public one",
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&KEYRING, &PROVIDERS, &EXTERNAL, &INTERNAL, &FETCH];

/// What leads out of the server.
#[derive(Debug)]
pub struct Outside {
    /// The key ring's file.
    pub keyring: Option<PathBuf>,
    /// The identity providers' file.
    pub providers: Option<PathBuf>,
    /// The external image services' file.
    pub external: Option<PathBuf>,
    /// Hosts within the network that may be reached.
    pub internal_hosts: Vec<String>,
    /// Hosts that people's pictures may be at; none is any public one.
    pub fetch_hosts: Vec<HostPattern>,
}

impl Outside {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let listed: Option<String> = values.get(&INTERNAL)?;
        let hosts = listed.iter().flat_map(|text| text.split(',')).map(|host| host.trim().to_owned());
        let fetched: Option<String> = values.get(&FETCH)?;
        let fetched = fetched.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|host| !host.is_empty());
        let unusable = |host: &str| ConfigError::new(format!("`{}`: `{host}` is no host such as example.org", FETCH.key));
        Ok(Self {
            fetch_hosts: fetched.map(|host| host.parse::<HostPattern>().map_err(|_| unusable(host))).collect::<Result<_, _>>()?,
            keyring: values.get::<String>(&KEYRING)?.map(PathBuf::from),
            providers: values.get::<String>(&PROVIDERS)?.map(PathBuf::from),
            external: values.get::<String>(&EXTERNAL)?.map(PathBuf::from),
            internal_hosts: hosts.filter(|host| !host.is_empty()).collect(),
        })
    }
}
