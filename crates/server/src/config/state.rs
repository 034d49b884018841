//! Where people, jobs and pictures are kept.

use std::path::Path;

use super::{ConfigError, Setting, Values};

/// The database.
pub const DATABASE: Setting = Setting {
    key: "database.url",
    flag: "database-url",
    env: &["EASEL_DATABASE_URL", "DATABASE_URL"],
    placeholder: "URL",
    help: "Database: sqlite:/path/easel.db, or postgres://user:password@host/name for several nodes. Unset: easel.db in the data folder",
    secret: true,
    ..Setting::BASE
};

/// Pictures' bytes.
pub const BLOBS: Setting = Setting {
    key: "blobs.url",
    flag: "blobs-url",
    env: &["EASEL_BLOBS_URL"],
    placeholder: "URL",
    help: "Where pictures are kept: file:///folder, s3://bucket, gs://bucket or az://container; credentials as the cloud's own tools read \
           them. Unset: blobs in the data folder",
    ..Setting::BASE
};

/// What names and addresses of files are made with.
pub const SECRET: Setting = Setting {
    key: "secret_key",
    flag: "secret-key",
    env: &["EASEL_SECRET_KEY"],
    placeholder: "TEXT",
    help: "At least 32 characters nobody knows, the same on every node. Unset: drawn once and kept in the data folder",
    secret: true,
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&DATABASE, &BLOBS, &SECRET];

/// Where people, jobs and pictures are kept.
pub struct State {
    /// The database's address, which may hold a password.
    pub database: Option<String>,
    /// The pictures' address.
    pub blobs: Option<String>,
    /// What names and addresses of files are made with.
    pub secret: Option<String>,
}

impl State {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let secret = values.get::<String>(&SECRET)?;
        if secret.as_ref().is_some_and(|secret| secret.len() < 32) {
            return Err(ConfigError::new("`secret_key` is too short")
                .hint("at least 32 characters, such as `openssl rand -base64 33` prints"));
        }
        Ok(Self { database: values.get(&DATABASE)?, blobs: values.get(&BLOBS)?, secret })
    }

    /// The database's address, in this data folder where none is set.
    pub fn database_in(&self, data: &Path) -> String {
        self.database.clone().unwrap_or_else(|| format!("sqlite:{}", data.join("easel.db").display()))
    }
}

impl std::fmt::Debug for State {
    /// Without what may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("blobs", &self.blobs).finish_non_exhaustive()
    }
}
