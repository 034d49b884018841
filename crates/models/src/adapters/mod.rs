//! What requests bring to a model besides their words: LoRA files, textual inversion embeddings, ControlNets.
//!
//! `names` says which layer and which part of it a stored tensor is, `file` checks a whole LoRA file against a model by its header,
//! `load` prepares it for a device a slice at a time, `control` loads ControlNets, `wardrobe` keeps what has been prepared, `embedding`
//! reads learnt tokens, `hash` says by what others know a file, `shelf` finds files by the names users give them.
//!
//! Invariants: only safetensors, judged by [`crate::weights::header`] before anything else sees it; a tensor that cannot be applied is an
//! error that names it, never skipped; a name from a request is compared with what the folders hold and never becomes a path.

pub mod control;
pub mod embedding;
pub mod file;
mod hash;
mod load;
mod names;
pub mod shelf;
mod wardrobe;

use std::sync::Arc;

pub use embedding::Embedding;
pub use file::{LoraFile, ModelLayers};
pub use load::Loading;
pub use shelf::{Found, Kind, Shelf, ShelfError};
pub use wardrobe::Wardrobe;

use crate::ops::{Ops, Patches};

/// A LoRA on a device.
pub struct Adapter<O: Ops> {
    /// The denoiser's part.
    pub unet: Patches<O>,
    /// The text encoders' parts.
    pub text: Vec<Patches<O>>,
    /// Told apart from every other one that was ever brought to a device.
    pub id: u64,
    /// Bytes it takes.
    pub bytes: u64,
    /// The first digits of the hash by which others know it.
    pub hash: Option<String>,
}

/// A LoRA that a picture wears.
pub struct Wear<O: Ops> {
    /// The LoRA.
    pub adapter: Arc<Adapter<O>>,
    /// How much of it the denoiser has.
    pub weight: f32,
    /// How much of it the text encoders have.
    pub text_encoder_weight: f32,
}

impl<O: Ops> Wear<O> {
    /// Whether the text encoders see anything of it.
    pub fn on_text(&self) -> bool {
        self.text_encoder_weight != 0.0 && self.adapter.text.iter().any(|patches| !patches.is_empty())
    }

    /// Whether the denoiser sees anything of it.
    pub fn on_unet(&self) -> bool {
        self.weight != 0.0 && !self.adapter.unet.is_empty()
    }
}

impl<O: Ops> Clone for Wear<O> {
    fn clone(&self) -> Self {
        Self { adapter: Arc::clone(&self.adapter), ..*self }
    }
}
