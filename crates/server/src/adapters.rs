//! The folders of LoRAs, learnt tokens and ControlNets, as the API lists them.

use easel_api::{AdapterFile, AdapterKind, Adapters};
use easel_models::adapters::{Found, Kind, Shelf};

/// A shelf to look through.
#[derive(Debug)]
pub struct Shelved(pub Shelf);

impl Adapters for Shelved {
    fn list(&self, kind: AdapterKind) -> Vec<AdapterFile> {
        let kind = match kind {
            AdapterKind::Lora => Kind::Lora,
            AdapterKind::Embedding => Kind::Embedding,
            AdapterKind::ControlNet => Kind::ControlNet,
        };
        let mut found = self.0.list(kind);
        // Of several with one name the first is the one that a request gets. The order is kept by a stable sort.
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|later, first| later.name == first.name);
        let file =
            |found: Found| AdapterFile { bytes: found.bytes(), problem: found.problem().map(str::to_owned), name: found.name };
        found.into_iter().map(file).collect()
    }
}
