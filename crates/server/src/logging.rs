//! Log lines on stderr.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::{
    config::{ConfigError, Log, log::LogFormat},
    error::Result,
};

/// Starts logging; `default` is the filter where the configuration names none.
pub fn start(log: &Log, default: &str) -> Result<()> {
    let text = log.filter.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(text).map_err(|error| {
        ConfigError::new(format!("`{text}` is no log filter: {error}")).hint("use info, debug, or info,easel_engine=debug")
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second subscriber can only come from a second call, which would be a bug; the first one stays.
    let _ = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Text => builder.with_ansi(colours()).try_init(),
    };
    Ok(())
}

/// Colours only for people who see them and have not said no.
fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
