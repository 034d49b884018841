//! Downloads from the Hugging Face hub and its mirrors. The variables of its own programs are read too.

use std::{fmt, path::PathBuf};

use super::{ConfigError, Fallback, Setting, Storage, Values};

/// The key for private and gated models.
pub const TOKEN: Setting = Setting {
    key: "hub.token",
    flag: "hub-token",
    env: &["EASEL_HUB_TOKEN", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"],
    placeholder: "TOKEN",
    help: "Access token for private and gated models; better given as a variable or a file than as a flag",
    secret: true,
    ..Setting::BASE
};

/// A mirror.
pub const ENDPOINT: Setting = Setting {
    key: "hub.endpoint",
    flag: "hub-endpoint",
    env: &["EASEL_HUB_ENDPOINT", "HF_ENDPOINT"],
    placeholder: "URL",
    help: "Address of a mirror of the hub. Unset: the hub itself",
    ..Setting::BASE
};

/// No network at all.
pub const OFFLINE: Setting = Setting {
    key: "hub.offline",
    flag: "offline",
    env: &["EASEL_OFFLINE", "HF_HUB_OFFLINE"],
    placeholder: "BOOL",
    help: "Never use the network for models",
    default: Fallback::Fixed("false"),
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// Where downloads are kept.
pub const CACHE: Setting = Setting {
    key: "hub.cache",
    flag: "hub-cache",
    env: &["EASEL_HUB_CACHE", "HF_HUB_CACHE"],
    placeholder: "DIR",
    help: "Folder downloads are kept in, in the hub's own layout. Unset: hub/ in $HF_HOME or in the data folder, where installing \
           a download takes no further space",
    default: Fallback::Computed(shared_cache),
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&TOKEN, &ENDPOINT, &OFFLINE, &CACHE];

/// The cache other programs on this machine share, if the user has named one.
fn shared_cache() -> Option<String> {
    let home = std::env::var("HF_HOME").ok().filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join("hub").to_str()?.to_owned())
}

/// Downloads.
pub struct Hub {
    /// The key for private and gated models.
    pub token: Option<String>,
    /// A mirror; `None` is the hub itself, wherever hf-hub says that is.
    pub endpoint: Option<String>,
    /// No network at all.
    pub offline: bool,
    cache: Option<PathBuf>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("endpoint", &self.endpoint).field("offline", &self.offline).finish_non_exhaustive()
    }
}

impl Hub {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            token: values.get(&TOKEN)?,
            endpoint: values.get(&ENDPOINT)?,
            offline: values.switch(&OFFLINE)?,
            cache: values.get(&CACHE)?,
        })
    }

    /// Where downloads are kept.
    pub fn cache(&self, storage: &Storage) -> PathBuf {
        self.cache.clone().unwrap_or_else(|| storage.data_dir.join("hub"))
    }
}
