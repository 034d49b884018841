//! Files that requests name besides models: what there is, for programs that show it.

use std::{collections::BTreeMap, fmt};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdapterKind {
    /// A LoRA.
    Lora,
    /// A learnt token.
    Embedding,
    /// A ControlNet.
    ControlNet,
}

/// A file that a request can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterFile {
    /// The name, without folder and ending.
    pub name: String,
    /// The path below its folder; where the folder is, is nobody's business.
    pub path: String,
    /// What is written in it.
    pub metadata: BTreeMap<String, String>,
}

/// Whoever knows the files. Looks at folders, so it is asked on a blocking thread.
pub trait Adapters: fmt::Debug + Send + Sync {
    /// All files of a kind; what is written in them only for LoRAs.
    fn list(&self, kind: AdapterKind) -> Vec<AdapterFile>;
}
