//! The languages people are shown text in, and text that exists in all of them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language people are shown text in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English, which is also what the models are told.
    #[default]
    En,
    /// Chinese, simplified.
    Zh,
    /// Russian.
    Ru,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::En, Self::Zh, Self::Ru];
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    /// Reads a language tag by its first part: `zh`, `zh-CN`, `ru_RU`.
    fn from_str(tag: &str) -> Result<Self, UnknownLanguage> {
        match tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "en" => Ok(Self::En),
            "zh" => Ok(Self::Zh),
            "ru" => Ok(Self::Ru),
            _ => Err(UnknownLanguage),
        }
    }
}

/// Text is shown in English, Chinese and Russian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the language is not one of en, zh, ru")]
pub struct UnknownLanguage;

/// One text in every language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
    /// Russian.
    pub ru: String,
}

impl Names {
    /// The text in one language.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Zh => &self.zh,
            Language::Ru => &self.ru,
        }
    }

    /// What is wrong with them: each must be there, written in its own script and no longer than `max` characters.
    pub(crate) fn problem(&self, max: usize) -> Option<String> {
        for (language, own) in [("en", Script::Latin), ("zh", Script::Han), ("ru", Script::Cyrillic)] {
            let text = match own {
                Script::Latin => &self.en,
                Script::Han => &self.zh,
                Script::Cyrillic => &self.ru,
            };
            if text.trim().is_empty() {
                return Some(format!("the name in {language} is missing"));
            }
            if text.trim() != text || text.chars().count() > max {
                return Some(format!("the name in {language} is longer than {max} characters or has spaces around it"));
            }
            if !text.chars().any(|c| Script::of(c) == Some(own)) {
                return Some(format!("the name in {language} is not written in that language"));
            }
        }
        None
    }
}

/// Which writing a letter belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    Latin,
    Han,
    Cyrillic,
}

impl Script {
    pub(crate) fn of(c: char) -> Option<Self> {
        match c {
            '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => Some(Self::Han),
            '\u{0400}'..='\u{04ff}' => Some(Self::Cyrillic),
            'a'..='z' | 'A'..='Z' | '\u{00c0}'..='\u{024f}' => Some(Self::Latin),
            _ => None,
        }
    }
}
