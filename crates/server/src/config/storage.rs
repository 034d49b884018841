//! Where Easel keeps what it writes.

use std::path::PathBuf;

use super::{ConfigError, Fallback, Setting, Values};

/// The one folder everything is written under.
pub const DATA_DIR: Setting = Setting {
    key: "data_dir",
    flag: "data-dir",
    env: &["EASEL_DATA_DIR"],
    placeholder: "DIR",
    help: "Folder that holds everything Easel writes: models, downloads, state",
    default: Fallback::Computed(platform_folder),
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&DATA_DIR];

/// Where Easel keeps what it writes.
#[derive(Debug)]
pub struct Storage {
    /// The one folder everything is written under; made on first use.
    pub data_dir: PathBuf,
}

impl Storage {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let data_dir: PathBuf = values.require::<String>(&DATA_DIR)?.into();
        Ok(Self { data_dir })
    }
}

/// `~/.local/share/easel` and its like; nothing where there is no home.
fn platform_folder() -> Option<String> {
    Some(dirs::data_dir()?.join("easel").to_str()?.to_owned())
}
