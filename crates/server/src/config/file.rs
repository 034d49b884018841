//! `easel.toml`: tables of settings. A key nobody knows is an error, because a misspelt setting that is silently ignored is worse.

use std::path::Path;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{ConfigError, Setting, settings};

/// The file's name in every folder it is looked for in.
pub const NAME: &str = "easel.toml";

/// Reads a file: each setting in it, its value as text, and its line.
pub fn read(path: &Path) -> Result<Vec<(&'static Setting, String, usize)>, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::new(format!("cannot read {}: {error}", path.display())))?;
    let table = DeTable::parse(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(&text, span.start));
        ConfigError::new(format!("{}:{line}: {}", path.display(), error.message()))
    })?;
    let mut found = Vec::new();
    Walk { path, text: &text, found: &mut found }.table("", table.get_ref())?;
    Ok(found)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|&&byte| byte == b'\n').count() + 1
}

struct Walk<'a> {
    path: &'a Path,
    text: &'a str,
    found: &'a mut Vec<(&'static Setting, String, usize)>,
}

impl Walk<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
            let line = line_of(self.text, name.span().start);
            match (settings().find(|setting| setting.key == key), value.get_ref()) {
                (Some(setting), _) => {
                    let text =
                        scalar(value).map_err(|kind| self.error(line, format!("`{key}` is {kind}; it takes one value")))?;
                    self.found.push((setting, text, line));
                }
                (None, DeValue::Table(inner)) if is_table(&key) => self.table(&key, inner)?,
                (None, _) => return Err(self.unknown(&key, line)),
            }
        }
        Ok(())
    }

    fn error(&self, line: usize, what: String) -> ConfigError {
        ConfigError::new(format!("{}:{line}: {what}", self.path.display()))
    }

    fn unknown(&self, key: &str, line: usize) -> ConfigError {
        let error = self.error(line, format!("there is no setting `{key}`"));
        match nearest(key, settings().map(|setting| setting.key)) {
            Some(known) => error.hint(format!("did you mean `{known}`? `easel config` lists every setting")),
            None => error.hint("`easel config` lists every setting"),
        }
    }
}

/// Some setting lies in the table `key`.
fn is_table(key: &str) -> bool {
    settings().any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// A single value as text; the error says what else it is.
fn scalar(value: &Spanned<DeValue<'_>>) -> Result<String, &'static str> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|_| "a number that is too large"),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Ok(flag.to_string()),
        DeValue::Datetime(_) => Err("a date"),
        DeValue::Array(_) => Err("a list"),
        DeValue::Table(_) => Err("a table"),
    }
}

/// The most similar of `known`, if any is similar; a key in the wrong table counts as similar.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let score = |candidate: &str| match last(candidate) == last(name) {
        true => 1.0,
        false => strsim::jaro_winkler(candidate, name).max(strsim::jaro_winkler(&last(candidate), &last(name)) - 0.02),
    };
    known
        .map(|candidate| (score(candidate), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
