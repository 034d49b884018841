//! What helps to write a prompt, as whoever writes it sees it.

use easel_platform::prompts::{By, Enhancement, Kind, Remembered, Slot, StyledPrompt, Suggestion, Term};
use serde::Serialize;
use utoipa::ToSchema;

use super::{NamesView, shown_time};

/// A prompt as the model is told it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BuiltView {
    /// What the picture shows, styles included.
    prompt: String,
    /// What to avoid, styles included.
    negative_prompt: Option<String>,
    /// What it was before the styles.
    raw_prompt: String,
    /// The styles, each with the hash of what it says.
    styles: Vec<StyleUsedView>,
}

/// A style that was applied.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StyleUsedView {
    /// Which.
    id: String,
    /// SHA-256 of what it says.
    hash: String,
}

impl BuiltView {
    /// Without styles.
    pub(crate) fn plain(prompt: String, negative_prompt: Option<String>) -> Self {
        Self { raw_prompt: prompt.clone(), prompt, negative_prompt, styles: Vec::new() }
    }
}

impl From<StyledPrompt> for BuiltView {
    fn from(styled: StyledPrompt) -> Self {
        let styles = styled.styles.into_iter().map(|style| StyleUsedView { id: style.id, hash: style.hash }).collect();
        Self { prompt: styled.prompt, negative_prompt: styled.negative, raw_prompt: styled.raw_prompt, styles }
    }
}

/// An enhanced prompt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnhancedView {
    /// The words and what was added.
    prompt: String,
    /// What to avoid.
    negative_prompt: Option<String>,
    /// What the rules have added; empty where a model wrote the prompt.
    added: Vec<TermView>,
    /// The same words with the same seed are enhanced in the same way by the rules.
    seed: u64,
    /// Who did it: `rules` or `model`.
    #[schema(example = "rules")]
    by: &'static str,
    /// Why it was not the model although it was asked for.
    #[schema(example = "model_timeout")]
    fell_back: Option<&'static str>,
}

impl EnhancedView {
    /// Of what was enhanced, with the terms that were added.
    pub(crate) fn of(enhancement: Enhancement, added: Vec<TermView>, seed: u64) -> Self {
        let by = match enhancement.by {
            By::Rules => "rules",
            By::Model => "model",
        };
        let Enhancement { prompt, negative, fell_back, .. } = enhancement;
        Self { prompt, negative_prompt: negative, added, seed, by, fell_back }
    }
}

/// A phrase for a prompt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TermView {
    /// What the builder takes it by.
    #[schema(example = "light-candlelight")]
    id: String,
    /// What it is about: `light`, `mood`, …
    #[schema(value_type = String, example = "light")]
    slot: Slot,
    /// How it is shown; the model is told the English one.
    names: NamesView,
}

impl From<&Term> for TermView {
    fn from(term: &Term) -> Self {
        Self { id: term.id.clone(), slot: term.slot, names: (&term.names).into() }
    }
}

/// What could be written next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SuggestionView {
    /// How it is shown.
    shown: String,
    /// What is written.
    prompt: String,
    /// Where in the text what it replaces begins, in characters.
    replaces_from: usize,
    /// `own` (written before), `term`, `phrase` or `style`, which is to be chosen rather than written.
    #[schema(example = "phrase")]
    kind: &'static str,
    /// Of the term or style.
    id: Option<String>,
}

impl SuggestionView {
    /// For this text.
    pub(crate) fn of(suggestion: Suggestion, typed: &str) -> Self {
        let (kind, id) = match suggestion.kind {
            Kind::Own => ("own", None),
            Kind::Phrase => ("phrase", None),
            Kind::Term(id) => ("term", Some(id)),
            Kind::Style(id) => ("style", Some(id)),
        };
        let replaces_from = typed.get(..suggestion.replaces_from).map_or(0, |before| before.chars().count());
        Self { shown: suggestion.shown, prompt: suggestion.prompt, replaces_from, kind, id }
    }
}

/// A prompt somebody wrote earlier.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryView {
    /// The same for the same words in the same styles.
    id: String,
    /// What they wrote.
    prompt: String,
    /// What they wanted to avoid.
    negative_prompt: Option<String>,
    /// The styles they chose.
    styles: Vec<String>,
    /// The job that used it last.
    job_id: String,
    /// When that was.
    #[schema(format = DateTime)]
    used_at: String,
    /// How many of the last jobs have used it.
    uses: i64,
}

impl From<Remembered> for HistoryView {
    fn from(remembered: Remembered) -> Self {
        let Remembered { id, prompt, negative, styles, job_id, used_at, uses } = remembered;
        Self { id, prompt, negative_prompt: negative, styles, job_id, used_at: shown_time(used_at), uses }
    }
}
