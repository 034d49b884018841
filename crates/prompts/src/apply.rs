//! Styles around a user's words: pure, and written down so that it can be done again.
//!
//! The first style is nearest to the words: `style2(style1(words))`. What stands before the words of several styles comes together before
//! them, what continues their sentence follows at once, and the other phrases come last, each once. Nobody's words are taken away: of the
//! styles' negative phrases those are left out whose every word the finished prompt asks for.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{Catalogue, CatalogueVersion, PromptsError, Style, text};

/// How many styles can be combined.
pub const STYLES_MAX: usize = 8;

/// A style as it was when it was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedStyle {
    /// Which.
    pub id: String,
    /// [`Style::hash`] of it.
    pub hash: String,
}

/// A prompt with styles: what is kept with a job, and what [`Catalogue::reproduce`] makes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StyledPrompt {
    /// What the user wrote.
    pub raw_prompt: String,
    /// What the user wanted to avoid.
    pub raw_negative: Option<String>,
    /// The styles, nearest first.
    pub styles: Vec<AppliedStyle>,
    /// The catalogue they came from.
    pub catalogue: CatalogueVersion,
    /// What the model is told.
    pub prompt: String,
    /// What the model is told to avoid; `None` only if neither the user nor a style says anything.
    pub negative: Option<String>,
}

impl Catalogue {
    /// Applies styles to a request's prompt and negative prompt.
    ///
    /// # Errors
    /// A style does not exist or is named twice, or there are more than [`STYLES_MAX`].
    pub fn apply<S: AsRef<str>>(&self, prompt: &str, negative: Option<&str>, ids: &[S]) -> Result<StyledPrompt, PromptsError> {
        if ids.len() > STYLES_MAX {
            return Err(PromptsError::TooManyStyles { max: STYLES_MAX });
        }
        let styles: Vec<&Style> = ids.iter().map(|id| self.style(id.as_ref())).collect::<Result<_, _>>()?;
        let mut seen = HashSet::new();
        for style in &styles {
            if !seen.insert(&style.id) {
                return Err(PromptsError::RepeatedStyle(style.id.clone()));
            }
        }
        let styled = positive(prompt, &styles);
        Ok(StyledPrompt {
            raw_prompt: prompt.to_owned(),
            raw_negative: negative.map(str::to_owned),
            styles: styles.iter().map(|style| AppliedStyle { id: style.id.clone(), hash: style.hash() }).collect(),
            catalogue: self.version().clone(),
            negative: negatives(&styled, negative, &styles),
            prompt: styled,
        })
    }

    /// Makes a recorded prompt again, from the user's words and the styles.
    ///
    /// # Errors
    /// A style is gone or says something else by now; [`StyledPrompt::prompt`] still says what it was.
    pub fn reproduce(&self, record: &StyledPrompt) -> Result<StyledPrompt, PromptsError> {
        for applied in &record.styles {
            if self.style(&applied.id)?.hash() != applied.hash {
                return Err(PromptsError::ChangedStyle(applied.id.clone()));
            }
        }
        let ids: Vec<&str> = record.styles.iter().map(|applied| applied.id.as_str()).collect();
        self.apply(&record.raw_prompt, record.raw_negative.as_deref(), &ids)
    }
}

fn positive(prompt: &str, styles: &[&Style]) -> String {
    if styles.is_empty() {
        return prompt.to_owned();
    }
    let words = prompt.trim().trim_end_matches(|c: char| c == ',' || c.is_whitespace());
    let mut seen: HashSet<String> = text::phrases(words).map(text::key).collect();
    let (mut before, mut tails, mut phrases) = (String::new(), String::new(), Vec::new());
    for style in styles {
        let (head, rest) = style.around();
        before.insert_str(0, head);
        let (tail, rest) = rest.split_once(',').unwrap_or((rest, ""));
        tails.push_str(tail);
        phrases.extend(text::phrases(rest).filter(|phrase| seen.insert(text::key(phrase))));
    }
    // "photograph of" nothing is a photograph.
    let before = if words.is_empty() { before.trim_end().trim_end_matches(" of").to_owned() } else { before };
    let sentence = format!("{before}{words}{tails}");
    std::iter::once(sentence.trim()).chain(phrases).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn negatives(styled: &str, negative: Option<&str>, styles: &[&Style]) -> Option<String> {
    let asked: HashSet<String> = text::words(styled).into_iter().collect();
    let own = negative.map(|own| own.trim().trim_end_matches([',', ' ']));
    let mut seen: HashSet<String> = own.into_iter().flat_map(text::phrases).map(text::key).collect();
    let added = styles.iter().flat_map(|style| text::phrases(&style.negative)).filter(|phrase| {
        let wanted = text::words(phrase).iter().all(|word| asked.contains(word));
        !wanted && seen.insert(text::key(phrase))
    });
    let added: Vec<&str> = added.collect();
    if added.is_empty() {
        return negative.map(str::to_owned);
    }
    Some(own.into_iter().filter(|own| !own.is_empty()).chain(added).collect::<Vec<_>>().join(", "))
}
