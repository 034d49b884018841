//! The words a prompt is made of: terms by slot, the cues that tell what a text says already, and the grammar of random prompts.

use serde::{Deserialize, Serialize};

use crate::{
    Names, PromptsError,
    catalogue::{File, lines},
    facts::{Cue, Cues, Facts},
    random::Grammar,
};

/// What a part of a prompt is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// What it is made of or with.
    Medium,
    /// Where the light comes from, and how.
    Light,
    /// View and arrangement.
    Composition,
    /// What it feels like.
    Mood,
    /// Its colours.
    Palette,
    /// Weather and season.
    Weather,
    /// What there is to see up close.
    Detail,
    /// How well it is made.
    Quality,
    /// What the negative prompt names.
    Avoid,
}

impl Slot {
    /// What a text must not have said anything about for this slot to be free.
    pub(crate) fn axes(self) -> &'static [&'static str] {
        match self {
            Self::Medium => &["medium"],
            Self::Light => &["light"],
            Self::Composition => &["view"],
            Self::Mood => &["mood"],
            Self::Palette => &["colour"],
            Self::Weather => &["weather", "season"],
            Self::Detail | Self::Quality | Self::Avoid => &[],
        }
    }
}

/// A phrase for a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Stays the same for ever.
    pub id: String,
    /// What it is about.
    pub slot: Slot,
    /// How it is shown; the model is told the English one.
    pub names: Names,
    /// What a picture with it shows.
    #[serde(default)]
    pub says: Vec<String>,
    /// What a picture must show for it to fit, one of them at least.
    #[serde(default)]
    pub needs: Vec<String>,
}

impl Term {
    /// Whether it says nothing that contradicts what is known, and fits it.
    pub(crate) fn fits(&self, facts: &Facts) -> bool {
        facts.allow(&self.says) && (self.needs.is_empty() || self.needs.iter().any(|need| facts.knows(need)))
    }
}

/// Terms, cues and grammar.
#[derive(Debug)]
pub struct Vocabulary {
    terms: Vec<Term>,
    cues: Cues,
    grammar: Grammar,
}

impl Vocabulary {
    /// The one that comes with the program.
    pub fn embedded() -> Self {
        Self::parse(
            include_str!("../data/vocabulary.jsonl"),
            include_str!("../data/cues.jsonl"),
            include_str!("../data/grammar.jsonl"),
        )
        .expect("a test reads the embedded vocabulary. This is a bug.")
    }

    /// Reads terms, cues and grammar, each one JSON object a line.
    ///
    /// # Errors
    /// A line is not what it should be; the error names it.
    pub fn parse(terms: &str, cues: &str, grammar: &str) -> Result<Self, PromptsError> {
        let file = File::new("vocabulary.jsonl", terms);
        let mut read: Vec<Term> = Vec::new();
        for (line, term) in lines::<Term>(&file)? {
            if let Some(problem) = term.names.problem(80) {
                return Err(file.error(line, problem));
            }
            if let Some(problem) = read.iter().find(|other| other.id == term.id || other.names.en == term.names.en) {
                return Err(file.error(line, format!("{} says what {} says", term.id, problem.id)));
            }
            if let Some(fact) = term.says.iter().chain(&term.needs).find(|fact| !fact.contains(':')) {
                return Err(file.error(line, format!("{fact} is not of the form axis:value")));
            }
            read.push(term);
        }
        let cues = lines::<Cue>(&File::new("cues.jsonl", cues))?.into_iter().map(|(_, cue)| cue).collect();
        let grammar = Grammar::read(&File::new("grammar.jsonl", grammar))?;
        Ok(Self { terms: read, cues: Cues::new(cues), grammar })
    }

    /// All terms, or those of one slot, as the file orders them.
    pub fn terms(&self, slot: Option<Slot>) -> impl Iterator<Item = &Term> {
        self.terms.iter().filter(move |term| slot.is_none_or(|slot| term.slot == slot))
    }

    /// One term.
    pub fn term(&self, id: &str) -> Option<&Term> {
        self.terms.iter().find(|term| term.id == id)
    }

    /// What texts say about a picture.
    pub(crate) fn facts<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Facts {
        let mut facts = Facts::default();
        texts.into_iter().for_each(|text| self.cues.read(text, &mut facts));
        facts
    }

    pub(crate) fn grammar(&self) -> &Grammar {
        &self.grammar
    }
}
