//! What helps to write a prompt: styles, a builder, enhancement, random prompts, suggestions, and the prompts somebody wrote earlier.
//!
//! Nothing here leaves the host, unless the operator has named a chat model and somebody asks for it by name (`model.rs`). Nothing is kept
//! either: earlier prompts are read from the jobs they belong to.
//!
//! | rule | file |
//! |---|---|
//! | how styles go around somebody's words, and how that is done again | `apply.rs` |
//! | who enhances a prompt, and what happens when they cannot | `enhance.rs`, `model.rs` |
//! | which earlier prompts are shown | `history.rs` |
//! | what could be written next | `suggest.rs` |

mod apply;
mod enhance;
mod history;
mod model;
mod suggest;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

pub use easel_prompts::{
    Amount, AppliedStyle, Catalogue, CatalogueVersion, Category, EnhanceRequest, Found, Kind, Language, Names, PromptParts,
    PromptsError, Query, Slot, Style, StyledPrompt, Suggester, Suggestion, Term, Vocabulary,
};

use crate::{Context, safety::Guard};

pub use enhance::{By, Enhancement};
pub use history::{HISTORY_MAX, Remembered};
pub use model::{ChatModel, ChatSettings};

/// Styles and words that come with the program, read when they are first needed.
static EMBEDDED: LazyLock<Suggester> =
    LazyLock::new(|| Suggester::new(Catalogue::embedded().into(), Vocabulary::embedded().into()));

/// What an operator may change.
#[derive(Clone, Default)]
pub struct Settings {
    /// Styles; `None` is for those that come with the program.
    pub styles: Option<Arc<Catalogue>>,
    /// Who else enhances prompts.
    pub model: Option<ChatModel>,
}

/// What helps to write a prompt. Cheap to clone.
#[derive(Clone)]
pub struct Prompts {
    context: Context,
    guard: Guard,
    /// The operator's.
    own: Option<Arc<Suggester>>,
    model: Option<ChatModel>,
}

impl fmt::Debug for Prompts {
    /// Without thousands of styles.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompts").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Prompts {
    /// Over this database, with these styles and this model.
    pub fn new(context: Context, guard: Guard, settings: Settings) -> Self {
        let own = settings.styles.map(|styles| Arc::new(Suggester::new(styles, Vocabulary::embedded().into())));
        Self { context, guard, own, model: settings.model }
    }

    /// All styles.
    pub fn styles(&self) -> &Catalogue {
        self.suggester().catalogue()
    }

    /// The words of prompts.
    pub fn vocabulary(&self) -> &Vocabulary {
        self.suggester().vocabulary()
    }

    /// Whether a model can be asked to enhance a prompt.
    pub fn has_model(&self) -> bool {
        self.model.is_some()
    }

    fn suggester(&self) -> &Suggester {
        self.own.as_deref().unwrap_or(&EMBEDDED)
    }
}
