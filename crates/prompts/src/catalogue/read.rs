//! Lines of JSON to categories and styles, each judged; the errors name file and line.

use std::{
    collections::HashMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use crate::{Category, Language, PromptsError, Style, text};

/// How long an operator's file may be.
const FILE_MAX: u64 = 16 << 20;

/// A data file.
pub(crate) struct File {
    pub(crate) name: String,
    text: String,
}

impl File {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn error(&self, line: usize, problem: impl Into<String>) -> PromptsError {
        PromptsError::Line { file: self.name.clone(), line, problem: problem.into() }
    }
}

/// The lines of a file with their numbers; empty ones are passed over.
pub(crate) fn lines<T: DeserializeOwned>(file: &File) -> Result<Vec<(usize, T)>, PromptsError> {
    let numbered = file.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    numbered
        .map(|(at, line)| match serde_json::from_str(line) {
            Ok(value) => Ok((at + 1, value)),
            Err(error) => Err(file.error(at + 1, error.to_string())),
        })
        .collect()
}

/// The `*.jsonl` files of a folder, by name; or one file, whatever it is called.
pub(super) fn folder(folder: &Path) -> Result<Vec<File>, PromptsError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| PromptsError::Read { path, source }
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    if folder.is_file() {
        paths.push(folder.to_owned());
    } else {
        for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
            let path = entry.map_err(unreadable(folder))?.path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let mut text = String::new();
        let file = fs::File::open(&path).map_err(unreadable(&path))?;
        file.take(FILE_MAX + 1).read_to_string(&mut text).map_err(unreadable(&path))?;
        if text.len() as u64 > FILE_MAX {
            return Err(PromptsError::TooLarge { path, max: FILE_MAX });
        }
        Ok(File { name: path.display().to_string(), text })
    };
    paths.into_iter().map(read).collect()
}

/// All categories; a later one of the same id gives it other names.
pub(super) fn categories(files: &[File]) -> Result<Vec<Category>, PromptsError> {
    let mut categories: Vec<Category> = Vec::new();
    for file in files {
        for (line, category) in lines::<Category>(file)? {
            if let Some(problem) = category.problem() {
                return Err(file.error(line, problem));
            }
            if category.parent().is_some_and(|parent| !categories.iter().any(|c| c.id == parent)) {
                return Err(file.error(line, format!("the category {} has no parent before it", category.id)));
            }
            match categories.iter_mut().find(|c| c.id == category.id) {
                Some(old) => *old = category,
                None => categories.push(category),
            }
        }
    }
    Ok(categories)
}

/// All styles of all layers, judged one by one and against each other.
pub(super) fn styles(categories: &[Category], layers: &[Vec<File>]) -> Result<Vec<Style>, PromptsError> {
    let mut styles: Vec<(Style, &File, usize)> = Vec::new();
    let mut by_id: HashMap<String, usize> = HashMap::new();
    for layer in layers {
        let below = styles.len();
        let mut replaced = std::collections::HashSet::new();
        for file in layer {
            for (line, style) in lines::<Style>(file)? {
                if let Some(problem) = style.problem() {
                    return Err(file.error(line, problem));
                }
                if !categories.iter().any(|category| category.id == style.category) {
                    return Err(file.error(line, format!("there is no category {}", style.category)));
                }
                match by_id.get(&style.id) {
                    Some(&at) if at < below && replaced.insert(at) => styles[at] = (style, file, line),
                    Some(_) => return Err(file.error(line, format!("the id {} is used before", style.id))),
                    None => {
                        by_id.insert(style.id.clone(), styles.len());
                        styles.push((style, file, line));
                    }
                }
            }
        }
    }
    distinct(&styles)?;
    Ok(styles.into_iter().map(|(style, ..)| style).collect())
}

/// No two styles share a name in any language or say the same words.
fn distinct(styles: &[(Style, &File, usize)]) -> Result<(), PromptsError> {
    let mut seen: HashMap<(u8, String), &str> = HashMap::new();
    for (style, file, line) in styles {
        let names = Language::ALL.iter().zip(0u8..).map(|(&language, kind)| (kind, text::key(style.names.get(language))));
        for key in names.chain([(3, text::key(&style.prompt))]) {
            let what = if key.0 == 3 { "prompt" } else { "name" };
            if let Some(other) = seen.insert(key, &style.id) {
                return Err(file.error(*line, format!("the {what} of {} is also that of {other}", style.id)));
            }
        }
    }
    Ok(())
}
