//! Random prompts from a grammar, the same in all languages for the same seed.
//!
//! A rule has several texts; `{name}` in one stands for a text of that rule. What is chosen for a name depends on the seed and on where the
//! name stands, not on the order of the words, so that every language tells of the same picture.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{
    Language, Names, PromptsError, Vocabulary,
    catalogue::{File, lines},
    choice::choose,
};

const START: &str = "start";
/// How deep rules may stand in rules.
const DEPTH_MAX: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    rule: String,
    text: Names,
}

/// Rules and their texts.
#[derive(Debug)]
pub(crate) struct Grammar(BTreeMap<String, Vec<Names>>);

impl Grammar {
    pub(crate) fn read(file: &File) -> Result<Self, PromptsError> {
        let read = lines::<Line>(file)?;
        let rules: BTreeSet<String> = read.iter().map(|(_, line)| line.rule.clone()).collect();
        let mut grammar = Self(BTreeMap::new());
        for (at, Line { rule, text }) in read {
            let names = names(&text.en);
            if let Some(name) = names.iter().find(|name| !rules.contains(**name)) {
                return Err(file.error(at, format!("there is no rule {name}")));
            }
            if names != self::names(&text.zh) || names != self::names(&text.ru) {
                return Err(file.error(at, "the languages do not use the same rules"));
            }
            // A text of nothing but rules has no letters of its own to judge.
            if names.is_empty()
                && let Some(problem) = text.problem(120)
            {
                return Err(file.error(at, problem));
            }
            grammar.0.entry(rule).or_default().push(text);
        }
        if !grammar.ends(START, DEPTH_MAX) {
            return Err(file.error(1, "there is no rule start, or a rule leads back to itself"));
        }
        Ok(grammar)
    }

    /// Whether every way through a rule ends.
    fn ends(&self, rule: &str, depth: usize) -> bool {
        let texts = self.0.get(rule);
        depth > 0
            && texts.is_some_and(|texts| texts.iter().all(|text| names(&text.en).iter().all(|name| self.ends(name, depth - 1))))
    }

    fn tell(&self, rule: &str, path: &str, seed: u64, language: Language) -> String {
        let texts = &self.0[rule];
        let mut text = texts[choose(seed, path, texts.len())].get(language).to_owned();
        for name in names(&text).into_iter().map(str::to_owned).collect::<Vec<_>>() {
            let told = self.tell(&name, &format!("{path}/{name}"), seed, language);
            text = text.replace(&format!("{{{name}}}"), &told);
        }
        text
    }
}

/// The names in braces.
fn names(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
}

impl Vocabulary {
    /// A random prompt in all languages; the English one is for the model.
    pub fn random(&self, seed: u64) -> Names {
        let tell = |language| self.grammar().tell(START, START, seed, language);
        Names { en: tell(Language::En), zh: tell(Language::Zh), ru: tell(Language::Ru) }
    }
}
