//! A file that requests may bring to a model.

use serde::Serialize;
use utoipa::ToSchema;

use crate::AdapterFile;

/// A LoRA, a learnt token or a ControlNet.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AdapterView {
    /// As requests name it: its path below the folder, without extension.
    #[schema(example = "style/ink")]
    name: String,
    /// Its name without folders, which names it as well where no other has the same.
    #[schema(example = "ink")]
    word: String,
    /// Bytes of its file.
    bytes: u64,
    /// Why it cannot be used; null if it can.
    problem: Option<String>,
}

impl From<AdapterFile> for AdapterView {
    fn from(file: AdapterFile) -> Self {
        let AdapterFile { name, bytes, problem, .. } = file;
        let word = name.rsplit('/').next().unwrap_or(&name).to_owned();
        Self { name, word, bytes, problem }
    }
}
