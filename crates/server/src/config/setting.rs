//! What a setting is: one constant gives its key in `easel.toml`, its flag, its environment variable, its default and its help.

use std::{fmt, path::PathBuf, str::FromStr};

use super::ConfigError;

/// One setting, wherever it may be set.
#[derive(Debug)]
pub struct Setting {
    /// Its key in `easel.toml`, with its table: `server.port`.
    pub key: &'static str,
    /// Its flag, without dashes.
    pub flag: &'static str,
    /// Its environment variables: Easel's own first, then the names other programs use for the same thing.
    pub env: &'static [&'static str],
    /// What stands for the value in the help.
    pub placeholder: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Its value where nobody sets it.
    pub default: Fallback,
    /// The values there are, where they can be listed.
    pub choices: Option<fn() -> Vec<&'static str>>,
    /// Never shown; may also be read from the file named by `<VARIABLE>_FILE`.
    pub secret: bool,
}

/// A setting's value where nobody sets it.
#[derive(Debug, Clone, Copy)]
pub enum Fallback {
    /// Unset; what that means is in the help.
    None,
    /// Always this.
    Fixed(&'static str),
    /// Depends on the host.
    Computed(fn() -> Option<String>),
}

impl Setting {
    /// What most settings have in common.
    pub const BASE: Self = Self {
        key: "",
        flag: "",
        env: &[],
        placeholder: "VALUE",
        help: "",
        default: Fallback::None,
        choices: None,
        secret: false,
    };

    /// The value where nobody sets it.
    pub fn fallback(&self) -> Option<String> {
        match self.default {
            Fallback::None => None,
            Fallback::Fixed(text) => Some(text.to_owned()),
            Fallback::Computed(compute) => compute(),
        }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the configuration file.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag on the command line.
    Flag(&'static str),
}

impl Origin {
    /// The kind, for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File(..) => "file",
            Self::Environment(_) => "env",
            Self::Flag(_) => "flag",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(flag) => write!(f, "--{flag}"),
        }
    }
}

/// A value as written, and where.
#[derive(Clone)]
pub struct Value {
    /// The text.
    pub text: String,
    /// Where it came from.
    pub origin: Origin,
}

impl Value {
    /// The value as a `T`, or an error that names the setting and the place.
    pub fn parse<T>(&self, setting: &Setting) -> Result<T, ConfigError>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.text.trim().parse().map_err(|reason: T::Err| {
            let shown = if setting.secret { "(secret)" } else { &self.text };
            ConfigError::new(format!("{}: `{shown}` is not a {} value: {reason}", self.origin, setting.key))
        })
    }
}

/// A yes or no in the spellings environment variables come in.
pub struct Switch(pub bool);

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(Self(true)),
            "0" | "false" | "no" | "off" => Ok(Self(false)),
            _ => Err("use true or false".to_owned()),
        }
    }
}

/// Texts that may be secrets are not printed by accident.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("origin", &self.origin).finish_non_exhaustive()
    }
}
