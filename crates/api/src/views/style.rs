//! Styles, as everybody sees them.

use easel_platform::prompts::{Catalogue, Category, Names, Style};
use serde::Serialize;
use utoipa::ToSchema;

/// One text in every language.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NamesView {
    /// English.
    en: String,
    /// Chinese.
    zh: String,
    /// Russian.
    ru: String,
}

impl From<&Names> for NamesView {
    fn from(names: &Names) -> Self {
        let Names { en, zh, ru } = names.clone();
        Self { en, zh, ru }
    }
}

/// A style: words around somebody's own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StyleView {
    /// What requests call it.
    #[schema(example = "linocut")]
    id: String,
    /// Its category.
    category: String,
    /// How it is shown.
    names: NamesView,
    /// What it says, with `{prompt}` where the user's words go.
    prompt: String,
    /// What it avoids; may be empty.
    negative_prompt: String,
    /// What else it is found by.
    tags: Vec<String>,
    /// SHA-256 of what it says, as jobs record it.
    hash: String,
}

impl From<&Style> for StyleView {
    fn from(style: &Style) -> Self {
        Self {
            id: style.id.clone(),
            category: style.category.clone(),
            names: (&style.names).into(),
            prompt: style.prompt.clone(),
            negative_prompt: style.negative.clone(),
            tags: style.tags.clone(),
            hash: style.hash(),
        }
    }
}

/// Some of the styles.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StylesView {
    /// Best first.
    pub(crate) data: Vec<StyleView>,
    /// How many there are on all pages.
    pub(crate) total: usize,
    /// The `offset` of the next page; null if this is the last.
    pub(crate) next: Option<usize>,
    /// SHA-256 of all styles: another where a style has changed.
    pub(crate) catalogue: String,
}

/// A category of styles.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StyleCategoryView {
    /// `parent` or `parent/child`.
    #[schema(example = "manhwa/school")]
    id: String,
    /// How it is shown.
    names: NamesView,
    /// The category it is part of.
    parent: Option<String>,
    /// Styles in it and its parts.
    styles: usize,
}

impl StyleCategoryView {
    /// With its size in the catalogue.
    pub(crate) fn of(category: &Category, catalogue: &Catalogue) -> Self {
        let within = |style: &&Style| {
            style.category.strip_prefix(&category.id).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        Self {
            id: category.id.clone(),
            names: (&category.names).into(),
            parent: category.parent().map(str::to_owned),
            styles: catalogue.styles().iter().filter(within).count(),
        }
    }
}
