//! What is logged, and how. Logs go to stderr; stdout is for results.

use std::{fmt, str::FromStr};

use super::{ConfigError, Fallback, Setting, Values};

/// Which lines.
pub const FILTER: Setting = Setting {
    key: "log.filter",
    flag: "log",
    // RUST_LOG is what people who know Rust programs try first.
    env: &["EASEL_LOG", "RUST_LOG"],
    placeholder: "FILTER",
    help: "What is logged: error, warn, info, debug, trace, or per part such as `info,easel_engine=debug`. \
           Unset: info for `serve`, warn for the other commands",
    ..Setting::BASE
};

/// How a line looks.
pub const FORMAT: Setting = Setting {
    key: "log.format",
    flag: "log-format",
    env: &["EASEL_LOG_FORMAT"],
    placeholder: "FORMAT",
    help: "How a log line looks",
    default: Fallback::Fixed("text"),
    choices: Some(|| vec!["text", "json"]),
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&FILTER, &FORMAT];

/// What is logged, and how.
#[derive(Debug)]
pub struct Log {
    /// Which lines; unset, the command decides.
    pub filter: Option<String>,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("use text or json".to_owned()),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

impl Log {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { filter: values.get(&FILTER)?, format: values.require(&FORMAT)? })
    }
}
