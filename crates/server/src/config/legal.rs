//! What people agree to when they register: the operator's papers and their versions.

use easel_platform::accounts::{Legal, Published};

use super::{ConfigError, Setting, Values};

/// The version of the terms.
pub const TERMS_VERSION: Setting = Setting {
    key: "legal.terms_version",
    flag: "terms-version",
    env: &["EASEL_TERMS_VERSION"],
    placeholder: "WORD",
    help: "The version of your terms of use, such as 2026-01: who registers agrees to it, and a new one is asked for again. Unset: none are",
    ..Setting::BASE
};

/// Where the terms are.
pub const TERMS_URL: Setting = Setting {
    key: "legal.terms_url",
    flag: "terms-url",
    env: &["EASEL_TERMS_URL"],
    placeholder: "URL",
    help: "Where your terms of use can be read",
    ..Setting::BASE
};

/// The version of the privacy policy.
pub const PRIVACY_VERSION: Setting = Setting {
    key: "legal.privacy_version",
    flag: "privacy-version",
    env: &["EASEL_PRIVACY_VERSION"],
    placeholder: "WORD",
    help: "The version of your privacy policy, as `legal.terms_version`",
    ..Setting::BASE
};

/// Where the privacy policy is.
pub const PRIVACY_URL: Setting = Setting {
    key: "legal.privacy_url",
    flag: "privacy-url",
    env: &["EASEL_PRIVACY_URL"],
    placeholder: "URL",
    help: "Where your privacy policy can be read",
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&TERMS_VERSION, &TERMS_URL, &PRIVACY_VERSION, &PRIVACY_URL];

/// Characters of a version.
const VERSION_MAX: usize = 100;

/// Reads the section.
pub fn read(values: &Values) -> Result<Legal, ConfigError> {
    let paper = |version: &Setting, url: &Setting| -> Result<Option<Published>, ConfigError> {
        let (word, place): (Option<String>, Option<String>) = (values.get(version)?, values.get(url)?);
        match (word, place) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ConfigError::new(format!("`{}` needs `{}`", url.key, version.key))),
            (Some(word), _)
                if word.trim().is_empty() || word.chars().count() > VERSION_MAX || word.chars().any(char::is_control) =>
            {
                Err(ConfigError::new(format!("`{}` must have 1 to {VERSION_MAX} characters", version.key)))
            }
            (Some(word), place) => Ok(Some(Published { version: word, url: place })),
        }
    };
    Ok(Legal { terms: paper(&TERMS_VERSION, &TERMS_URL)?, privacy: paper(&PRIVACY_VERSION, &PRIVACY_URL)? })
}
