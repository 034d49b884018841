//! What requests may bring to a model: files that lie in folders, which whoever wires the server together knows how to read.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{ApiError, AppState};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdapterKind {
    /// Weights added to a model's layers.
    Lora,
    /// Tokens learnt for a text encoder.
    Embedding,
    /// A network that reads a picture beside the denoiser.
    ControlNet,
}

/// A file of one of the kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterFile {
    /// As requests name it: its path below the folder, without extension.
    pub name: String,
    /// The path below the folder with extension; where the folder is, is nobody's business.
    pub path: String,
    /// Its bytes; of a folder, those of its weights.
    pub bytes: u64,
    /// Why it cannot be used, if that is known.
    pub problem: Option<String>,
    /// What is written in it; of LoRAs alone.
    pub metadata: BTreeMap<String, String>,
}

impl AdapterFile {
    /// The name without folders, as prompts say it.
    pub(crate) fn word(&self) -> &str {
        self.name.rsplit_once('/').map_or(&self.name, |(_, word)| word)
    }
}

/// Where the files are.
pub trait Adapters: fmt::Debug + Send + Sync {
    /// Those of a kind that are there now, by name. Reads folders, on a thread that may block.
    fn list(&self, kind: AdapterKind) -> Vec<AdapterFile>;
}

/// Those of a kind that are there now; none where nobody knows of any.
pub(crate) async fn list(state: &AppState, kind: AdapterKind) -> Result<Vec<AdapterFile>, ApiError> {
    let Some(adapters) = state.services.adapters.as_ref().map(Arc::clone) else { return Ok(Vec::new()) };
    tokio::task::spawn_blocking(move || adapters.list(kind)).await.map_err(|error| {
        tracing::error!(%error, "listing adapters has panicked");
        ApiError::internal()
    })
}
