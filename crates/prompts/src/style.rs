//! What a style is, and what a line must satisfy to be one.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Names, text};

/// Where the user's words go in a fragment.
pub const PLACEHOLDER: &str = "{prompt}";

const ID_MAX: usize = 80;
const NAME_MAX: usize = 80;
const PROMPT_MAX: usize = 400;
const NEGATIVE_MAX: usize = 300;
const TAGS_MAX: usize = 12;
/// What means something in a prompt: a fragment is plain words, whatever the syntax around it.
const SYNTAX: &[char] = &['(', ')', '[', ']', '<', '>', '{', '}', '|', ':', '\\', '\n', '\r', '\t'];

/// A category, or a subcategory `parent/child`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Stays the same for ever.
    pub id: String,
    /// How it is shown.
    pub names: Names,
}

impl Category {
    /// The category this one is part of.
    pub fn parent(&self) -> Option<&str> {
        self.id.split_once('/').map(|(parent, _)| parent)
    }

    pub(crate) fn problem(&self) -> Option<String> {
        let parts: Vec<&str> = self.id.split('/').collect();
        if parts.len() > 2 || !parts.iter().all(|part| is_slug(part)) {
            return Some("the id is not of the form parent or parent/child in a-z, 0-9 and -".into());
        }
        self.names.problem(NAME_MAX)
    }
}

/// A way a picture can look: words around the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Style {
    /// Stays the same for ever.
    pub id: String,
    /// The id of its [`Category`].
    pub category: String,
    /// How it is shown.
    pub names: Names,
    /// What is said, with [`PLACEHOLDER`] where the user's words go.
    pub prompt: String,
    /// What to avoid; may be empty.
    #[serde(default)]
    pub negative: String,
    /// What else it is found by.
    #[serde(default)]
    pub tags: Vec<String>,
}

impl Style {
    /// SHA-256 of what it does to a prompt, in hexadecimal: names, tags and category may change without changing it.
    pub fn hash(&self) -> String {
        text::hex(&Sha256::new().chain_update(&self.prompt).chain_update([0]).chain_update(&self.negative).finalize())
    }

    /// The words before and after the user's.
    pub(crate) fn around(&self) -> (&str, &str) {
        self.prompt.split_once(PLACEHOLDER).expect("a style's placeholder is checked when it is read. This is a bug.")
    }

    pub(crate) fn problem(&self) -> Option<String> {
        if !is_slug(&self.id) || self.id.len() > ID_MAX {
            return Some(format!("the id is not 1 to {ID_MAX} of a-z, 0-9 and -"));
        }
        self.names.problem(NAME_MAX).or_else(|| self.prompt_problem()).or_else(|| self.rest_problem())
    }

    fn prompt_problem(&self) -> Option<String> {
        if self.prompt.matches(PLACEHOLDER).count() != 1 {
            return Some(format!("the prompt must hold {PLACEHOLDER} exactly once"));
        }
        if self.prompt.chars().count() > PROMPT_MAX {
            return Some(format!("the prompt is longer than {PROMPT_MAX} characters"));
        }
        let own = self.prompt.replacen(PLACEHOLDER, " ", 1);
        if text::words(&own).is_empty() {
            return Some(format!("the prompt says nothing besides {PLACEHOLDER}"));
        }
        plain_problem("prompt", &own)
    }

    fn rest_problem(&self) -> Option<String> {
        if self.negative.chars().count() > NEGATIVE_MAX {
            return Some(format!("the negative prompt is longer than {NEGATIVE_MAX} characters"));
        }
        if self.tags.len() > TAGS_MAX || !self.tags.iter().all(|tag| is_slug(tag)) {
            return Some(format!("tags are at most {TAGS_MAX}, each of a-z, 0-9 and -"));
        }
        plain_problem("negative prompt", &self.negative)
    }
}

fn plain_problem(what: &str, text: &str) -> Option<String> {
    if text.contains(SYNTAX) || text.split_whitespace().any(|word| matches!(word, "BREAK" | "AND")) {
        return Some(format!("the {what} holds prompt syntax: brackets, colons, bars, BREAK and AND are not for styles"));
    }
    None
}

/// Whether this is lower-case letters, digits and single hyphens between them.
pub(crate) fn is_slug(text: &str) -> bool {
    let parts_are_fine = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.split('-').all(parts_are_fine)
}
