//! All styles: ours, embedded in the program, and an operator's, read from a folder.
//!
//! A folder holds `*.jsonl` files of styles, one a line, and may hold a `categories.jsonl`; a single file of styles will do too. A style with an
//! id of ours replaces ours.
//! Whatever is wrong is an error that names file and line; there is never half a catalogue. [`Catalogue::version`] tells two apart.

mod embedded;
mod read;

use std::{collections::HashMap, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub(crate) use read::{File, lines};

use crate::{Category, PromptsError, Style, search::Index, text};

/// Which catalogue this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueVersion {
    /// Counts the editions of the embedded data.
    pub edition: u32,
    /// SHA-256 of all styles and categories, the operator's included, in hexadecimal.
    pub hash: String,
}

/// All styles, and what finds them.
#[derive(Debug)]
pub struct Catalogue {
    categories: Vec<Category>,
    styles: Vec<Style>,
    by_id: HashMap<String, usize>,
    index: Index,
    version: CatalogueVersion,
}

impl Catalogue {
    /// The one that comes with the program.
    pub fn embedded() -> Self {
        let files = embedded::STYLES.iter().map(|(name, text)| File::new(name, text));
        Self::build(&[File::new("categories.jsonl", embedded::CATEGORIES)], &[files.collect()])
            .expect("a test reads the embedded catalogue. This is a bug.")
    }

    /// Ours and an operator's, in a folder or a file.
    ///
    /// # Errors
    /// The folder cannot be read, or a line is not a style; the error names it.
    pub fn with_folder(folder: &Path) -> Result<Self, PromptsError> {
        let mut categories = vec![File::new("categories.jsonl", embedded::CATEGORIES)];
        let ours = embedded::STYLES.iter().map(|(name, text)| File::new(name, text)).collect();
        let mut theirs = read::folder(folder)?;
        categories.extend(theirs.extract_if(.., |file| file.name.ends_with("categories.jsonl")));
        Self::build(&categories, &[ours, theirs])
    }

    /// Later layers replace styles of earlier ones; within a layer an id is used once.
    fn build(categories: &[File], layers: &[Vec<File>]) -> Result<Self, PromptsError> {
        let categories = read::categories(categories)?;
        let styles = read::styles(&categories, layers)?;
        let mut hasher = Sha256::new();
        for line in categories.iter().map(serde_json::to_string).chain(styles.iter().map(serde_json::to_string)) {
            hasher.update(line.expect("plain text becomes JSON. This is a bug."));
            hasher.update("\n");
        }
        let version = CatalogueVersion { edition: embedded::EDITION, hash: text::hex(&hasher.finalize()) };
        let by_id = styles.iter().enumerate().map(|(at, style)| (style.id.clone(), at)).collect();
        let index = Index::new(&categories, &styles);
        Ok(Self { categories, styles, by_id, index, version })
    }

    /// All categories, parents before their parts.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// All styles, as the files order them.
    pub fn styles(&self) -> &[Style] {
        &self.styles
    }

    /// Which catalogue this is.
    pub fn version(&self) -> &CatalogueVersion {
        &self.version
    }

    /// One style.
    ///
    /// # Errors
    /// There is none of this id.
    pub fn style(&self, id: &str) -> Result<&Style, PromptsError> {
        self.by_id.get(id).map(|&at| &self.styles[at]).ok_or_else(|| PromptsError::UnknownStyle(short(id)))
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }
}

/// An id from outside as it may stand in a message.
fn short(id: &str) -> String {
    if crate::style::is_slug(id) && id.len() <= 80 { id.to_owned() } else { "of this id".to_owned() }
}
