//! A prompt from its parts.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{Vocabulary, text};

/// The parts of a prompt; each is free text or the id of a [`crate::Term`], and may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromptParts {
    /// What it shows.
    pub subject: String,
    /// What it is made of or with.
    pub medium: String,
    /// View and arrangement.
    pub composition: String,
    /// Where the light comes from, and how.
    pub light: String,
    /// What it feels like.
    pub mood: String,
    /// Its colours.
    pub palette: String,
    /// How well it is made, and anything else.
    pub quality: Vec<String>,
}

impl PromptParts {
    /// The prompt: the subject first, because models heed first words most, and each phrase once.
    pub fn build(&self, vocabulary: &Vocabulary) -> String {
        let parts = [&self.subject, &self.medium, &self.composition, &self.light, &self.mood, &self.palette];
        let mut seen = HashSet::new();
        let mut prompt: Vec<&str> = Vec::new();
        for part in parts.into_iter().chain(&self.quality) {
            let part = vocabulary.term(part).map_or(part.as_str(), |term| term.names.en.as_str());
            prompt.extend(text::phrases(part).filter(|phrase| seen.insert(text::key(phrase))));
        }
        prompt.join(", ")
    }
}
