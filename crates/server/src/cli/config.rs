//! `easel config`: every setting, its effective value, and where it came from. The text form can be pasted into an `easel.toml`.

use std::process::ExitCode;

use clap::Args;
use easel_api::ShownSetting;
use serde_json::{Value, json};

use super::{
    Context,
    overrides::{Group, Overrides},
};
use crate::{
    config::{self, Config, SECTIONS, Setting, values::usual_places},
    error::Result,
    output,
};

#[derive(Args)]
pub struct Arguments {
    /// Leave out settings that nobody has set
    #[arg(long)]
    set: bool,
    /// Any other command's settings may be given, to see what would be effective.
    #[command(flatten)]
    pub settings: Overrides<Settings>,
}

pub struct Settings;

impl Group for Settings {
    const SETTINGS: &'static [&'static [&'static Setting]] =
        &[config::models::SETTINGS, config::hub::SETTINGS, config::server::SETTINGS, config::generate::SETTINGS];
    const HEADING: &'static str = "Settings";
}

/// What stands for a secret.
const REDACTED: &str = "(redacted)";

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    if context.json {
        output::line(to_json(&context.config, arguments));
    } else {
        output::line(to_text(&context.config, arguments).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// Every setting, as superusers see it over HTTP.
pub(super) fn everything(config: &Config) -> Vec<ShownSetting> {
    let shown = SECTIONS.iter().copied().flatten().filter_map(|setting| {
        let (value, _, from) = shown(config, setting, false)?;
        Some(ShownSetting { key: setting.key.to_owned(), value, from })
    });
    shown.collect()
}

/// A setting that is to be shown, with its value as shown.
fn shown(config: &Config, setting: &Setting, only_set: bool) -> Option<(Option<String>, &'static str, String)> {
    let value = config.values.raw(setting);
    let kind = value.map_or("default", |value| value.origin.kind());
    let from = value.map_or_else(|| "default".to_owned(), |value| value.origin.to_string());
    let text = value.map(|value| if setting.secret { REDACTED.to_owned() } else { value.text.clone() });
    (!only_set || kind != "default").then_some((text, kind, from))
}

fn to_json(config: &Config, arguments: &Arguments) -> Value {
    let settings = SECTIONS.iter().copied().flatten().filter_map(|setting| {
        let (value, source, from) = shown(config, setting, arguments.set)?;
        Some(json!({
            "key": setting.key, "value": value, "source": source, "from": from,
            "flag": format!("--{}", setting.flag), "env": setting.env, "help": setting.help,
        }))
    });
    json!({ "file": config.values.file, "settings": settings.collect::<Vec<_>>() })
}

fn to_text(config: &Config, arguments: &Arguments) -> String {
    let mut out = match &config.values.file {
        Some(path) => format!("# read from {}\n", path.display()),
        None => {
            let places: Vec<_> = usual_places(Some(&config.storage.data_dir)).iter().map(|p| p.display().to_string()).collect();
            format!("# no configuration file; looked for {}\n", places.join(", "))
        }
    };
    // A table is written once, and what is in none before all of them: so TOML wants it.
    let mut tables = vec![("", String::new())];
    for setting in SECTIONS.iter().copied().flatten() {
        let Some((value, _, from)) = shown(config, setting, arguments.set) else { continue };
        let (table, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        let at = tables.iter().position(|(known, _)| *known == table).unwrap_or_else(|| {
            tables.push((table, String::new()));
            tables.len() - 1
        });
        let line = match value {
            Some(text) => format!("{name} = {}", literal(&text)),
            None => format!("# {name} ="),
        };
        tables[at].1.push_str(&format!("{line:<48} # {from}\n"));
    }
    for (table, lines) in tables.iter().filter(|(_, lines)| !lines.is_empty()) {
        out.push('\n');
        if !table.is_empty() {
            out.push_str(&format!("[{table}]\n"));
        }
        out.push_str(lines);
    }
    out
}

/// A value as TOML: numbers and booleans bare, everything else quoted.
fn literal(text: &str) -> String {
    let bare =
        text.parse::<i64>().is_ok() || matches!(text, "true" | "false") || (text.contains('.') && text.parse::<f64>().is_ok());
    if bare { text.to_owned() } else { toml::Value::String(text.to_owned()).to_string() }
}
