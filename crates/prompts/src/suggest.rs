//! Suggestions while somebody types: what completes the phrase, or what could come next.
//!
//! Phrases come from the vocabulary, in the user's language, and from all styles. Half a phrase is completed by what begins like it; if
//! nothing begins like the whole of it, by what begins like its last words. After a comma come phrases of the styles that say what was said
//! already, and terms for what was not.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use serde::Serialize;

use crate::{Catalogue, Language, Slot, Vocabulary, text};

/// How many last words are completed when the whole phrase cannot be.
const LAST_WORDS: usize = 3;
/// Letters after which somebody's own phrases are completed, and how long such a phrase may be.
const OWN_MIN: usize = 2;
const OWN_MAX: usize = 120;
/// What is suggested after a comma, in this order.
const NEXT: [Slot; 6] = [Slot::Light, Slot::Composition, Slot::Mood, Slot::Palette, Slot::Medium, Slot::Quality];

/// What a suggestion is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "id")]
pub enum Kind {
    /// A term of the vocabulary.
    Term(String),
    /// A phrase that styles use.
    Phrase,
    /// A style, to be chosen rather than written.
    Style(String),
    /// Something they wrote before.
    Own,
}

/// One suggestion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// How it is shown.
    pub shown: String,
    /// What the model is told, in English; for a style its English name.
    pub prompt: String,
    /// Where in the text, in bytes, what it replaces begins.
    pub replaces_from: usize,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What can be suggested.
#[derive(Debug)]
pub struct Suggester {
    catalogue: Arc<Catalogue>,
    vocabulary: Arc<Vocabulary>,
    /// By the phrase as it is compared: as it is written, and the styles that use it.
    phrases: BTreeMap<String, (String, Vec<usize>)>,
}

impl Suggester {
    /// Gathers the phrases of all styles.
    pub fn new(catalogue: Arc<Catalogue>, vocabulary: Arc<Vocabulary>) -> Self {
        let mut phrases: BTreeMap<String, (String, Vec<usize>)> = BTreeMap::new();
        for (at, style) in catalogue.styles().iter().enumerate() {
            for phrase in text::phrases(&style.prompt).filter(|phrase| !phrase.contains('{')) {
                phrases.entry(text::key(phrase)).or_insert_with(|| (phrase.to_owned(), Vec::new())).1.push(at);
            }
        }
        Self { catalogue, vocabulary, phrases }
    }

    /// The styles it knows.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The words it knows.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// What could be written at the end of a text.
    pub fn suggest(&self, typed: &str, language: Language, limit: usize) -> Vec<Suggestion> {
        let begin = phrase_at(typed);
        let said: HashSet<String> = text::phrases(&typed[..begin]).map(text::key).collect();
        let mut found = if typed[begin..].is_empty() && begin > 0 {
            self.next(&typed[..begin], &said, language, limit)
        } else {
            let starts = std::iter::once(begin).chain(last_words(typed, begin));
            starts.map(|at| self.complete(typed, at, language)).find(|found| !found.is_empty()).unwrap_or_default()
        };
        found.retain(|suggestion| !said.contains(&text::key(&suggestion.prompt)));
        found.truncate(limit);
        found
    }

    /// Terms first, then phrases by how many styles use them, then styles.
    fn complete(&self, typed: &str, from: usize, language: Language) -> Vec<Suggestion> {
        let key = text::key(&typed[from..]);
        if key.is_empty() {
            return Vec::new();
        }
        let suggestion = |shown: &str, prompt: &str, kind| Suggestion {
            shown: shown.to_owned(),
            prompt: prompt.to_owned(),
            replaces_from: from,
            kind,
        };
        let begins = |name: &str| text::key(name).starts_with(&key);
        let mut found = Vec::new();
        for term in self.vocabulary.terms(None).filter(|term| term.slot != Slot::Avoid) {
            let shown = term.names.get(language);
            if begins(shown) || begins(&term.names.en) {
                found.push(suggestion(shown, &term.names.en, Kind::Term(term.id.clone())));
            }
        }
        let alike = self.phrases.range(key.clone()..).take_while(|(phrase, _)| phrase.starts_with(&key));
        // What is written already completes nothing.
        let alike = alike.filter(|(phrase, _)| **phrase != key);
        let mut alike: Vec<_> = alike.map(|(_, (phrase, styles))| (phrase.as_str(), styles.len())).collect();
        alike.sort_by_key(|&(phrase, uses)| (std::cmp::Reverse(uses), phrase));
        found.extend(alike.into_iter().map(|(phrase, _)| suggestion(phrase, phrase, Kind::Phrase)));
        for style in self.catalogue.styles().iter().filter(|style| begins(style.names.get(language))) {
            found.push(suggestion(style.names.get(language), &style.names.en, Kind::Style(style.id.clone())));
        }
        found
    }

    /// Phrases of styles that say what was said, at most half of them, and terms for what was not said yet.
    fn next(&self, typed: &str, said: &HashSet<String>, language: Language, limit: usize) -> Vec<Suggestion> {
        let from = typed.len();
        let styles = said.iter().filter_map(|key| self.phrases.get(key)).flat_map(|(_, styles)| styles);
        let mut together: HashMap<&str, usize> = HashMap::new();
        for &style in styles {
            for phrase in text::phrases(&self.catalogue.styles()[style].prompt).filter(|phrase| !phrase.contains('{')) {
                *together.entry(phrase).or_default() += usize::from(!said.contains(&text::key(phrase)));
            }
        }
        let mut together: Vec<_> = together.into_iter().filter(|&(_, count)| count > 0).collect();
        together.sort_by_key(|&(phrase, count)| (std::cmp::Reverse(count), phrase));
        let phrase = |(phrase, _): (&str, usize)| Suggestion {
            shown: phrase.to_owned(),
            prompt: phrase.to_owned(),
            replaces_from: from,
            kind: Kind::Phrase,
        };
        let mut found: Vec<Suggestion> = together.into_iter().take(limit / 2).map(phrase).collect();
        let facts = self.vocabulary.facts([typed]);
        let open = NEXT.into_iter().filter(|slot| !slot.axes().iter().any(|axis| facts.touches(axis)));
        let fitting = |slot| {
            let mut terms: Vec<_> = self.vocabulary.terms(Some(slot)).filter(|term| term.fits(&facts)).collect();
            terms.reverse();
            terms
        };
        let mut terms: Vec<Vec<_>> = open.map(fitting).collect();
        // One of each slot in turn.
        while terms.iter().any(|terms| !terms.is_empty()) {
            for term in terms.iter_mut().filter_map(Vec::pop) {
                found.push(Suggestion {
                    shown: term.names.get(language).to_owned(),
                    prompt: term.names.en.clone(),
                    replaces_from: from,
                    kind: Kind::Term(term.id.clone()),
                });
            }
        }
        found
    }
}

/// What completes the phrase at the end of a text by what somebody wrote before, the most often written first. Whole words later in a phrase are
/// not looked for: these are suggestions, not a search.
pub fn complete_own<'a>(typed: &str, written: impl IntoIterator<Item = &'a str>, limit: usize) -> Vec<Suggestion> {
    let begin = phrase_at(typed);
    let key = text::key(&typed[begin..]);
    if key.chars().count() < OWN_MIN {
        return Vec::new();
    }
    let said: HashSet<String> = text::phrases(&typed[..begin]).map(text::key).collect();
    // By the phrase as it is compared: as it was written last, how often, and how long ago.
    let mut own: HashMap<String, (&str, usize, usize)> = HashMap::new();
    for (age, phrase) in written.into_iter().flat_map(text::phrases).enumerate() {
        let found = text::key(phrase);
        let fits = found.starts_with(&key) && found != key && !said.contains(&found) && phrase.chars().count() <= OWN_MAX;
        if fits {
            own.entry(found).or_insert((phrase, 0, age)).1 += 1;
        }
    }
    let mut own: Vec<(&str, usize, usize)> = own.into_values().collect();
    own.sort_by_key(|&(_, uses, age)| (std::cmp::Reverse(uses), age));
    let suggestion = |(phrase, ..): (&str, usize, usize)| Suggestion {
        shown: phrase.to_owned(),
        prompt: phrase.to_owned(),
        replaces_from: begin,
        kind: Kind::Own,
    };
    own.into_iter().take(limit).map(suggestion).collect()
}

/// Where the phrase at the end of a text begins.
fn phrase_at(typed: &str) -> usize {
    let begin = typed.rfind([',', '，', '、', '\n']).map_or(0, |at| at + typed[at..].chars().next().map_or(1, char::len_utf8));
    begin + typed[begin..].len() - typed[begin..].trim_start().len()
}

/// Where the last words begin, the most of them first.
fn last_words(typed: &str, begin: usize) -> Vec<usize> {
    let starts = typed[begin..].match_indices(' ').map(|(at, _)| begin + at + 1).filter(|&at| at < typed.len());
    let starts: Vec<usize> = starts.collect();
    starts[starts.len().saturating_sub(LAST_WORDS)..].to_vec()
}
