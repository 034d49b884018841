//! Enhancement without any model: fitting detail after the user's words, by rule and seed.
//!
//! The words and the styles are read for what they say (`facts.rs`). Only what they leave open is filled, by terms that contradict neither
//! them nor each other; the user's own words stay as they are and come first. The same request and data give the same prompt.

use std::{collections::HashSet, pin::Pin};

use serde::{Deserialize, Serialize};

use crate::{PromptsError, Slot, Style, Term, Vocabulary, choice::choose, facts::Facts, text};

/// How much is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amount {
    /// Two phrases at most.
    Few,
    /// Four.
    #[default]
    Some,
    /// Seven.
    Many,
}

impl Amount {
    fn phrases(self) -> usize {
        match self {
            Self::Few => 2,
            Self::Some => 4,
            Self::Many => 7,
        }
    }
}

/// A prompt to enhance.
#[derive(Debug, Clone, Default)]
pub struct EnhanceRequest {
    /// The user's words, in any of the languages.
    pub prompt: String,
    /// What the user wants to avoid.
    pub negative: Option<String>,
    /// The styles it will be drawn in.
    pub styles: Vec<Style>,
    /// Other seeds add other detail.
    pub seed: u64,
    /// How much is added.
    pub amount: Amount,
}

/// An enhanced prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enhanced {
    /// The user's words and what was added.
    pub prompt: String,
    /// What to avoid.
    pub negative: Option<String>,
    /// The terms that were added, by id; empty where a model wrote the prompt.
    pub added: Vec<String>,
}

/// Whoever can enhance a prompt: the rules here, or a chat model somewhere else.
pub trait Enhancer: Send + Sync {
    /// Enhances a prompt. What leaves the host, and whether it may, is the implementation's affair.
    fn enhance<'a>(
        &'a self,
        request: &'a EnhanceRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Enhanced, PromptsError>> + Send + 'a>>;
}

impl Enhancer for Vocabulary {
    fn enhance<'a>(
        &'a self,
        request: &'a EnhanceRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Enhanced, PromptsError>> + Send + 'a>> {
        Box::pin(std::future::ready(Ok(self.enhance_by_rule(request))))
    }
}

/// What is filled first; a second detail comes last.
const ORDER: [Slot; 9] = [
    Slot::Detail,
    Slot::Light,
    Slot::Composition,
    Slot::Mood,
    Slot::Palette,
    Slot::Weather,
    Slot::Medium,
    Slot::Quality,
    Slot::Detail,
];

impl Vocabulary {
    /// Adds fitting detail to a prompt.
    pub fn enhance_by_rule(&self, request: &EnhanceRequest) -> Enhanced {
        let words = request.prompt.trim().trim_end_matches([',', '，', ' ']);
        let mut picture = Picture::new(self, request);
        let mut added: Vec<&Term> = Vec::new();
        for (place, slot) in ORDER.into_iter().enumerate() {
            if added.len() == request.amount.phrases() {
                break;
            }
            let terms = if picture.leaves_open(slot) { picture.fitting(self, slot) } else { Vec::new() };
            if let Some(&term) = terms.get(choose(request.seed, &format!("enhance/{place}"), terms.len())) {
                picture.take(term);
                added.push(term);
            }
        }
        let avoided = self.terms(Some(Slot::Avoid)).filter(|term| term.fits(&picture.facts));
        let negative = avoid(request, &picture.said, avoided.collect());
        let phrases = added.iter().map(|term| term.names.en.as_str());
        Enhanced {
            prompt: std::iter::once(words).filter(|words| !words.is_empty()).chain(phrases).collect::<Vec<_>>().join(", "),
            negative,
            added: added.iter().map(|term| term.id.clone()).collect(),
        }
    }
}

/// What is settled about a picture.
struct Picture {
    facts: Facts,
    /// All that is said already, word by word with a space around each.
    said: String,
    /// What the user wants to avoid is not added either.
    unwanted: HashSet<String>,
}

impl Picture {
    fn new(vocabulary: &Vocabulary, request: &EnhanceRequest) -> Self {
        let texts = || std::iter::once(&request.prompt).chain(request.styles.iter().map(|style| &style.prompt));
        Self {
            facts: vocabulary.facts(texts().map(String::as_str)),
            said: texts().fold(" ".to_owned(), |said, text| said + &text::key(text) + " "),
            unwanted: request.negative.iter().flat_map(|negative| text::words(negative)).collect(),
        }
    }

    /// Whether nothing is said yet about what a slot is about. Weather is for what is known to be outdoors.
    fn leaves_open(&self, slot: Slot) -> bool {
        let closed = slot == Slot::Weather && !self.facts.knows("place:outdoor");
        !closed && !slot.axes().iter().any(|axis| self.facts.touches(axis))
    }

    /// The terms that could be added; those made for such a picture, if there are any.
    fn fitting<'a>(&self, vocabulary: &'a Vocabulary, slot: Slot) -> Vec<&'a Term> {
        let fits = |term: &&Term| {
            let key = text::key(&term.names.en);
            let wanted = !key.split(' ').any(|word| word.len() > 3 && self.unwanted.contains(word));
            wanted && term.fits(&self.facts) && !self.said.contains(&format!(" {key} "))
        };
        let mut terms: Vec<&Term> = vocabulary.terms(Some(slot)).filter(fits).collect();
        if terms.iter().any(|term| !term.needs.is_empty()) {
            terms.retain(|term| !term.needs.is_empty());
        }
        terms
    }

    fn take(&mut self, term: &Term) {
        self.facts.learn(&term.says);
        self.said += &format!("{} ", text::key(&term.names.en));
    }
}

/// The user's negative prompt and what usually goes wrong with such pictures, unless it is asked for.
fn avoid(request: &EnhanceRequest, said: &str, terms: Vec<&Term>) -> Option<String> {
    let own = request.negative.as_deref().unwrap_or_default().trim().trim_end_matches([',', ' ']);
    let mut seen: HashSet<String> = text::phrases(own).map(text::key).collect();
    let asked: HashSet<&str> = said.split(' ').collect();
    let phrases = terms.iter().flat_map(|term| text::phrases(&term.names.en));
    let added = phrases.filter(|phrase| {
        let wanted = text::words(phrase).iter().all(|word| asked.contains(word.as_str()));
        !wanted && seen.insert(text::key(phrase))
    });
    let all: Vec<&str> = std::iter::once(own).filter(|own| !own.is_empty()).chain(added).collect();
    if all.is_empty() { request.negative.clone() } else { Some(all.join(", ")) }
}
