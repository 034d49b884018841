//! Model weights: files in, tensors by diffusers parameter name out.
//!
//! [`folder::open_model`] opens a diffusers folder or a single-file checkpoint and yields the same [`ModelFiles`] for both; the loaders
//! of the networks then walk the diffusers parameter names and ask [`WeightSet::f32`] for each, with the shape they expect.
//!
//! Invariants: only safetensors is read, and only after [`header`] judged the whole header. Pickles (`.ckpt`, `.pt`, `.pth`, `.bin`) are
//! refused by name; there is no fallback that would open one. Every error names the file. Files stay mapped as long as a set that uses
//! them lives (see [`easel_kernels::mapped_file`] for what that asks of the file).
//!
//! To add a checkpoint layout: a module beside [`single_file`] that turns stored names into views of a [`WeightSet`].

pub mod component;
mod dtype;
mod error;
pub mod folder;
pub mod header;
mod set;
pub mod single_file;
pub mod tokenizer;

pub use dtype::Dtype;
pub use error::WeightsError;
pub(crate) use error::shorten;
pub use folder::{Family, ModelFiles, OpenOptions, open_model, open_model_with};
pub(crate) use set::is_pickle_name;
pub use set::{Change, RawTensor, View, WeightFile, WeightSet};
pub use tokenizer::TokenizerFiles;
