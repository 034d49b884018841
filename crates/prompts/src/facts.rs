//! What a text already says about its picture: `time:night`, `place:indoor`, `subject:animal`.
//!
//! Cues are words of three languages; a word after "no" or "without" refuses what it would say. A picture has one time, one place, one
//! weather and so on, and as many subjects as it likes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::text;

const NOT: &[&str] = &["no", "not", "without", "без", "не", "нет"];
const NOT_HAN: &[&str] = &["没有", "不要", "无", "没", "不"];
/// What there can be several of.
const MANY: &str = "subject";

/// Words that say something.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cue {
    pub(crate) says: Vec<String>,
    pub(crate) en: Vec<String>,
    pub(crate) zh: Vec<String>,
    pub(crate) ru: Vec<String>,
}

/// Words that say something, ready to be compared.
#[derive(Debug)]
pub(crate) struct Cues(Vec<(Vec<String>, Cue)>);

impl Cues {
    pub(crate) fn new(cues: Vec<Cue>) -> Self {
        let latin = |cue: &Cue| cue.en.iter().map(|words| text::key(words)).collect();
        Self(cues.into_iter().map(|cue| (latin(&cue), cue)).collect())
    }

    /// Adds what a text says to `facts`.
    pub(crate) fn read(&self, text: &str, facts: &mut Facts) {
        let words = text::words(text);
        for (english, cue) in &self.0 {
            let latin = english.iter().map(|phrase| (phrase.as_str(), is_english as fn(&str, &str) -> bool));
            let cyrillic = cue.ru.iter().map(|phrase| (phrase.as_str(), is_russian as fn(&str, &str) -> bool));
            for (phrase, same) in latin.chain(cyrillic) {
                let phrase: Vec<&str> = phrase.split(' ').collect();
                for at in 0..words.len().saturating_sub(phrase.len() - 1) {
                    if words[at..].iter().zip(&phrase).all(|(word, cue)| same(word, cue)) {
                        let refused = words[..at].iter().rev().take(2).any(|word| NOT.contains(&word.as_str()));
                        facts.add(&cue.says, refused);
                    }
                }
            }
            for (at, _) in cue.zh.iter().flat_map(|phrase| text.match_indices(phrase.as_str())) {
                facts.add(&cue.says, NOT_HAN.iter().any(|not| text[..at].ends_with(not)));
            }
        }
    }
}

fn is_english(word: &str, cue: &str) -> bool {
    word.strip_prefix(cue).is_some_and(|end| matches!(end, "" | "s" | "es"))
}

/// A Russian word is its stem and an ending; the shorter the stem, the shorter the ending may be.
fn is_russian(word: &str, stem: &str) -> bool {
    let most = match stem.chars().count() {
        0..=3 => 1,
        4 => 3,
        _ => 6,
    };
    word.strip_prefix(stem).is_some_and(|end| end.chars().count() <= most)
}

/// What is known about a picture.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    known: BTreeMap<String, BTreeSet<String>>,
    refused: BTreeSet<String>,
}

impl Facts {
    fn add(&mut self, says: &[String], refused: bool) {
        if refused {
            self.refused.extend(says.iter().cloned());
        } else {
            self.learn(says);
        }
    }

    /// Takes facts for known.
    pub(crate) fn learn(&mut self, says: &[String]) {
        for (axis, value) in says.iter().filter_map(|fact| fact.split_once(':')) {
            self.known.entry(axis.to_owned()).or_default().insert(value.to_owned());
        }
    }

    /// Whether anything is said about an axis.
    pub(crate) fn touches(&self, axis: &str) -> bool {
        self.known.contains_key(axis)
    }

    /// Whether exactly this is known.
    pub(crate) fn knows(&self, fact: &str) -> bool {
        let known = |(axis, value): (&str, &str)| self.known.get(axis).is_some_and(|values| values.contains(value));
        fact.split_once(':').is_some_and(known)
    }

    /// Whether something can be said without contradicting what is known.
    pub(crate) fn allow(&self, says: &[String]) -> bool {
        says.iter().all(|fact| {
            let axis = fact.split_once(':').map_or("", |(axis, _)| axis);
            !self.refused.contains(fact) && (axis == MANY || !self.touches(axis) || self.knows(fact))
        })
    }
}
