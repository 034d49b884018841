//! What helps to write a prompt: styles, vocabulary and rules, all in English, Chinese and Russian where people read them.
//!
//! Everything here is a pure function of its arguments and of data files: nothing is fetched, nothing stored, nothing random without a
//! seed. The data comes with the program (`data/`) and can be added to from an operator's folder; every line of it is judged when it is
//! read. A [`StyledPrompt`] is what a job keeps, so that its prompt can be made again.

mod apply;
mod builder;
mod catalogue;
mod choice;
mod enhance;
mod error;
mod facts;
mod language;
mod random;
mod search;
mod style;
mod suggest;
mod text;
mod vocabulary;

pub use apply::{AppliedStyle, STYLES_MAX, StyledPrompt};
pub use builder::PromptParts;
pub use catalogue::{Catalogue, CatalogueVersion};
pub use enhance::{Amount, EnhanceRequest, Enhanced, Enhancer};
pub use error::PromptsError;
pub use language::{Language, Names, UnknownLanguage};
pub use search::{Found, Query};
pub use style::{Category, PLACEHOLDER, Style};
pub use suggest::{Kind, Suggester, Suggestion, complete_own};
pub use vocabulary::{Slot, Term, Vocabulary};
