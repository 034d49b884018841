//! What is not drawn.

use std::path::PathBuf;

use easel_platform::safety::Mode;

use super::{ConfigError, Fallback, Setting, Values};

/// How strict the word lists are.
pub const MODE: Setting = Setting {
    key: "safety.mode",
    flag: "safety-mode",
    env: &["EASEL_SAFETY_MODE", "SAFETY_MODE"],
    placeholder: "MODE",
    help: "block: prompts are refused as the word lists say; flag: they are only noted; off: nobody looks",
    default: Fallback::Fixed("block"),
    choices: Some(|| vec!["block", "flag", "off"]),
    ..Setting::BASE
};

/// The operator's word lists.
pub const LISTS: Setting = Setting {
    key: "safety.lists",
    flag: "safety-lists",
    env: &["EASEL_SAFETY_LISTS"],
    placeholder: "FOLDER",
    help: "Word lists (<language>.toml) in the place of those of the same name that come with the program; an empty one switches it off",
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&MODE, &LISTS];

/// What is not drawn.
#[derive(Debug)]
pub struct Safety {
    /// How strict the word lists are.
    pub mode: Mode,
    /// The operator's word lists.
    pub lists: Option<PathBuf>,
}

impl Safety {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let mode = match values.require::<String>(&MODE)?.as_str() {
            "block" => Mode::Block,
            "flag" => Mode::Flag,
            "off" => Mode::Off,
            other => return Err(ConfigError::new(format!("`safety.mode` is `{other}`; it takes block, flag or off"))),
        };
        Ok(Self { mode, lists: values.get::<String>(&LISTS)?.map(PathBuf::from) })
    }
}
