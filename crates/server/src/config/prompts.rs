//! What helps to write a prompt: an operator's styles, and a chat model that enhances prompts for whoever asks for it.

use std::{path::PathBuf, time::Duration};

use super::{ConfigError, Fallback, Setting, Values};

/// An operator's styles.
pub const STYLES: Setting = Setting {
    key: "prompts.styles_file",
    flag: "styles-file",
    env: &["EASEL_STYLES_FILE"],
    placeholder: "PATH",
    help: "Styles beside those that come with the program: a file of JSON lines, or a folder of such files (docs/prompts.md)",
    ..Setting::BASE
};

/// Where a chat model is.
pub const MODEL_URL: Setting = Setting {
    key: "prompts.model_url",
    flag: "prompt-model-url",
    env: &["EASEL_PROMPT_MODEL_URL"],
    placeholder: "URL",
    help: "Where a chat model's OpenAI API begins, such as http://localhost:11434/v1, to enhance prompts for whoever asks for it. Unset: rules alone",
    ..Setting::BASE
};

/// What it is called there.
pub const MODEL_NAME: Setting = Setting {
    key: "prompts.model_name",
    flag: "prompt-model-name",
    env: &["EASEL_PROMPT_MODEL_NAME"],
    placeholder: "NAME",
    help: "What the chat model is called there; with --prompt-model-url",
    ..Setting::BASE
};

/// What its server asks for.
pub const MODEL_KEY: Setting = Setting {
    key: "prompts.model_key",
    flag: "prompt-model-key",
    env: &["EASEL_PROMPT_MODEL_KEY"],
    placeholder: "KEY",
    help: "The key of the chat model's server",
    secret: true,
    ..Setting::BASE
};

/// How long it may take.
pub const MODEL_SECONDS: Setting = Setting {
    key: "prompts.model_seconds",
    flag: "prompt-model-seconds",
    env: &["EASEL_PROMPT_MODEL_SECONDS"],
    placeholder: "SECONDS",
    help: "How long the chat model may take before the rules enhance the prompt instead, 1 to 120",
    default: Fallback::Fixed("15"),
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&STYLES, &MODEL_URL, &MODEL_NAME, &MODEL_KEY, &MODEL_SECONDS];

/// What helps to write a prompt.
#[derive(Debug)]
pub struct Prompts {
    /// An operator's styles.
    pub styles: Option<PathBuf>,
    /// A chat model.
    pub model: Option<Model>,
}

/// A chat model.
pub struct Model {
    /// Where its API begins.
    pub url: String,
    /// What it is called.
    pub name: String,
    /// What its server asks for.
    pub key: Option<String>,
    /// How long it may take.
    pub time_limit: Duration,
}

impl std::fmt::Debug for Model {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("url", &self.url).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Prompts {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let seconds = values.require::<u64>(&MODEL_SECONDS)?;
        if !(1..=120).contains(&seconds) {
            return Err(ConfigError::new(format!("`{}` is {seconds}; it takes 1 to 120", MODEL_SECONDS.key)));
        }
        let (url, name) = (values.get::<String>(&MODEL_URL)?, values.get::<String>(&MODEL_NAME)?);
        let key = values.get(&MODEL_KEY)?;
        let model = match (url, name) {
            (Some(url), Some(name)) => Some(Model { url, name, key, time_limit: Duration::from_secs(seconds) }),
            (None, None) => None,
            _ => return Err(ConfigError::new(format!("`{}` and `{}` go together", MODEL_URL.key, MODEL_NAME.key))),
        };
        Ok(Self { styles: values.get::<String>(&STYLES)?.map(PathBuf::from), model })
    }
}
