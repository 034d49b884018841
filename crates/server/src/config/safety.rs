//! What is not drawn, and who looks at what was.

use std::{path::PathBuf, time::Duration};

use easel_platform::{
    keyring::ServerKey,
    safety::{CheckerSettings, Language, Mode},
};

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

/// Who looks at pictures.
pub const CHECKER_URL: Setting = Setting {
    key: "safety.checker_url",
    flag: "safety-checker-url",
    env: &["EASEL_SAFETY_CHECKER_URL"],
    placeholder: "URL",
    help: "Who looks at pictures before they are kept: where OpenAI's API begins (https://api.openai.com/v1, or a classifier of your own that answers \
           alike), or Azure's endpoint. It is sent a small version of each. Unset: nobody looks",
    ..Setting::BASE
};

/// What they speak.
pub const CHECKER_KIND: Setting = Setting {
    key: "safety.checker_kind",
    flag: "safety-checker-kind",
    env: &["EASEL_SAFETY_CHECKER_KIND"],
    placeholder: "KIND",
    help: "What is spoken there: openai (moderations) or azure (Content Safety)",
    default: Fallback::Fixed("openai"),
    choices: Some(|| vec!["openai", "azure"]),
    ..Setting::BASE
};

/// The model there.
pub const CHECKER_MODEL: Setting = Setting {
    key: "safety.checker_model",
    flag: "safety-checker-model",
    env: &["EASEL_SAFETY_CHECKER_MODEL"],
    placeholder: "NAME",
    help: "The model there, where OpenAI's API is spoken",
    default: Fallback::Fixed("omni-moderation-latest"),
    ..Setting::BASE
};

/// What its server asks for.
pub const CHECKER_KEY: Setting = Setting {
    key: "safety.checker_key",
    flag: "safety-checker-key",
    env: &["EASEL_SAFETY_CHECKER_KEY"],
    placeholder: "KEY",
    help: "The key of whoever looks at pictures",
    secret: true,
    ..Setting::BASE
};

/// How long it may take.
pub const CHECKER_SECONDS: Setting = Setting {
    key: "safety.checker_seconds",
    flag: "safety-checker-seconds",
    env: &["EASEL_SAFETY_CHECKER_SECONDS"],
    placeholder: "SECONDS",
    help: "How long looking at a picture may take, 1 to 120",
    default: Fallback::Fixed("10"),
    ..Setting::BASE
};

/// What happens while nobody can look.
pub const KEEP_UNSEEN: Setting = Setting {
    key: "safety.keep_unseen",
    flag: "safety-keep-unseen",
    env: &["EASEL_SAFETY_KEEP_UNSEEN"],
    placeholder: "BOOL",
    help: "Keep pictures for their owners while nobody can look at them; they cannot be published. false: they fail and cost nothing",
    default: Fallback::Fixed("false"),
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] =
    &[&MODE, &LISTS, &CHECKER_URL, &CHECKER_KIND, &CHECKER_MODEL, &CHECKER_KEY, &CHECKER_SECONDS, &KEEP_UNSEEN];

/// What is not drawn.
#[derive(Debug)]
pub struct Safety {
    /// How strict the word lists are.
    pub mode: Mode,
    /// The operator's word lists.
    pub lists: Option<PathBuf>,
    /// Who looks at pictures.
    pub checker: Option<CheckerSettings>,
    /// What they cannot look at is kept.
    pub keep_unseen: bool,
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
        let lists = values.get::<String>(&LISTS)?.map(PathBuf::from);
        Ok(Self { mode, lists, checker: checker(values)?, keep_unseen: values.switch(&KEEP_UNSEEN)? })
    }
}

fn checker(values: &Values) -> Result<Option<CheckerSettings>, ConfigError> {
    let seconds = values.require::<u64>(&CHECKER_SECONDS)?;
    if !(1..=120).contains(&seconds) {
        return Err(ConfigError::new(format!("`{}` is {seconds}; it takes 1 to 120", CHECKER_SECONDS.key)));
    }
    let language = match values.require::<String>(&CHECKER_KIND)?.as_str() {
        "openai" => Language::Openai { model: values.require(&CHECKER_MODEL)? },
        "azure" => Language::Azure,
        other => return Err(ConfigError::new(format!("`{}` is `{other}`; it takes openai or azure", CHECKER_KIND.key))),
    };
    let Some(url) = values.get::<String>(&CHECKER_URL)? else { return Ok(None) };
    let key = values.get::<String>(&CHECKER_KEY)?.map(ServerKey::new);
    Ok(Some(CheckerSettings { url, language, key, time_limit: Duration::from_secs(seconds) }))
}
