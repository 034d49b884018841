//! Finding styles by words in any language.
//!
//! Every word of a query has to be found: as a word of a style's names, id, tags or category, as the beginning of one, or, where there is
//! neither, as one with a letter or two wrong. Chinese, which has no spaces, is found by pairs of neighbouring characters. Words are kept
//! sorted, so that exact words and beginnings are found by bisection; only a misspelt word is compared with all of them.

use std::{collections::BTreeMap, ops::Range};

use crate::{Catalogue, Category, Language, Style, language::Script, text};

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Words in any language; empty finds everything.
    pub text: String,
    /// Only this category and its parts.
    pub category: Option<String>,
    /// Only styles with all of these.
    pub tags: Vec<String>,
    /// How many to pass over.
    pub offset: usize,
    /// How many to return at most.
    pub limit: usize,
}

/// What was found, best first.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// One page of it.
    pub styles: Vec<&'a Style>,
    /// How many there are on all pages.
    pub total: usize,
    /// How many words and places of words were looked at: what the search cost.
    pub work: usize,
}

/// How much a word counts by where it stands.
const NAME: u32 = 8;
const TAG: u32 = 5;
const CATEGORY: u32 = 3;
/// How much it counts by how it was found.
const EXACT: u32 = 6;
const BEGINNING: u32 = 4;
const STEM: u32 = 2;
const MISSPELT: u32 = 1;
/// The whole query is a name, or begins one.
const WHOLE_NAME: u32 = 400;
const NAME_BEGINS: u32 = 60;

/// Which words stand where.
#[derive(Debug)]
pub(crate) struct Index {
    words: Vec<(String, Range<usize>)>,
    places: Vec<(u32, u32)>,
    names: Vec<[String; 3]>,
}

impl Index {
    pub(crate) fn new(categories: &[Category], styles: &[Style]) -> Self {
        let mut words: BTreeMap<String, BTreeMap<u32, u32>> = BTreeMap::new();
        let mut add = |at: u32, text: &str, weight: u32| {
            for term in text::words(text).iter().flat_map(|word| text::terms(word)) {
                let best = words.entry(term).or_default().entry(at).or_default();
                *best = weight.max(*best);
            }
        };
        for (at, style) in (0u32..).zip(styles) {
            Language::ALL.iter().for_each(|&language| add(at, style.names.get(language), NAME));
            add(at, &style.id, NAME);
            style.tags.iter().for_each(|tag| add(at, tag, TAG));
            for category in categories.iter().filter(|category| within(&style.category, &category.id)) {
                Language::ALL.iter().for_each(|&language| add(at, category.names.get(language), CATEGORY));
                add(at, &category.id, CATEGORY);
            }
        }
        let mut places = Vec::new();
        let words = words.into_iter().map(|(word, found)| {
            let start = places.len();
            places.extend(found);
            (word, start..places.len())
        });
        let words = words.collect();
        let names = styles.iter().map(|style| Language::ALL.map(|language| text::key(style.names.get(language)))).collect();
        Self { words, places, names }
    }

    /// Adds to `scores` what a term is worth, and returns whether it was found at all.
    fn score(&self, term: &str, scores: &mut [u32], work: &mut usize) -> bool {
        let begin = self.words.partition_point(|(word, _)| word.as_str() < term);
        let mut found = false;
        for (word, places) in self.words[begin..].iter().take_while(|(word, _)| word.starts_with(term)) {
            let exact = word.len() == term.len();
            // A single Chinese character is a word; that others begin with it says nothing new.
            if exact || !text::is_han(term) {
                self.add(places, if exact { EXACT } else { BEGINNING }, scores, work);
                found = true;
            }
        }
        found || (!text::is_han(term) && (self.score_stem(term, scores, work) || self.score_misspelt(term, scores, work)))
    }

    /// Russian words change their ends: what begins with all but the last two letters is meant too.
    fn score_stem(&self, term: &str, scores: &mut [u32], work: &mut usize) -> bool {
        let letters: Vec<char> = term.chars().collect();
        if letters.len() < 5 || Script::of(letters[0]) != Some(Script::Cyrillic) {
            return false;
        }
        let stem: String = letters[..letters.len() - 2].iter().collect();
        let begin = self.words.partition_point(|(word, _)| *word < stem);
        let mut found = false;
        for (_, places) in self.words[begin..].iter().take_while(|(word, _)| word.starts_with(&stem)) {
            self.add(places, STEM, scores, work);
            found = true;
        }
        found
    }

    /// One letter wrong in a word of four to six, two in a longer one; the first is right.
    fn score_misspelt(&self, term: &str, scores: &mut [u32], work: &mut usize) -> bool {
        let letters = term.chars().count();
        let allowed = match letters {
            0..4 => return false,
            4..7 => 1,
            _ => 2,
        };
        let first = term.chars().next();
        let mut found = false;
        for (word, places) in self.words.iter().filter(|(word, _)| word.chars().next() == first) {
            *work += 1;
            let beginning: String = word.chars().take(letters).collect();
            if strsim::osa_distance(&beginning, term).min(strsim::osa_distance(word, term)) <= allowed {
                self.add(places, MISSPELT, scores, work);
                found = true;
            }
        }
        found
    }

    fn add(&self, places: &Range<usize>, how: u32, scores: &mut [u32], work: &mut usize) {
        *work += places.len() + 1;
        for &(style, weight) in &self.places[places.clone()] {
            let score = &mut scores[style as usize];
            *score = (*score).max(weight * how);
        }
    }
}

/// Whether a category is `whole` or part of it.
fn within(category: &str, whole: &str) -> bool {
    category.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Catalogue {
    /// Finds styles; the same query finds the same in the same order.
    pub fn search(&self, query: &Query) -> Found<'_> {
        let index = self.index();
        let mut work = 0;
        let mut total_scores = vec![1u32; self.styles().len()];
        let words = text::words(&query.text);
        for term in words.iter().flat_map(|word| query_terms(word)) {
            let mut scores = vec![0u32; self.styles().len()];
            index.score(&term, &mut scores, &mut work);
            for (total, score) in total_scores.iter_mut().zip(scores) {
                *total = if score == 0 || *total == 0 { 0 } else { *total + score };
            }
        }
        let whole = words.join(" ");
        let mut hits: Vec<(u32, usize)> = Vec::new();
        for (at, style) in self.styles().iter().enumerate().filter(|(at, _)| total_scores[*at] > 0) {
            let in_category = query.category.as_deref().is_none_or(|category| within(&style.category, category));
            if in_category && query.tags.iter().all(|tag| style.tags.contains(tag)) {
                hits.push((total_scores[at] + name_bonus(&index.names[at], &whole), at));
            }
        }
        hits.sort_by_key(|&(score, at)| {
            (std::cmp::Reverse(score), if whole.is_empty() { 0 } else { index.names[at][0].len() }, at)
        });
        let page = hits.iter().skip(query.offset).take(query.limit);
        Found { styles: page.map(|&(_, at)| &self.styles()[at]).collect(), total: hits.len(), work }
    }
}

/// A run of Chinese is looked for by its pairs; a single character by itself.
fn query_terms(word: &str) -> Vec<String> {
    let terms = text::terms(word);
    let pairs = terms.iter().any(|term| term.chars().count() == 2);
    if text::is_han(word) && pairs { terms.into_iter().filter(|term| term.chars().count() == 2).collect() } else { terms }
}

fn name_bonus(names: &[String; 3], whole: &str) -> u32 {
    if whole.is_empty() {
        0
    } else if names.iter().any(|name| name == whole) {
        WHOLE_NAME
    } else if names.iter().any(|name| name.starts_with(whole)) {
        NAME_BEGINS
    } else {
        0
    }
}
