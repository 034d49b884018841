//! What requests may bring to a model besides their words.

pub(crate) mod list_controlnets;
pub(crate) mod list_embeddings;
pub(crate) mod list_loras;
