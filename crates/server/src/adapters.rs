//! The shelf of LoRAs, learnt tokens and ControlNets as the HTTP side shows it.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use easel_api::{AdapterFile, AdapterKind, Adapters};
use easel_models::adapters::{Kind, Shelf};
use serde::Deserialize;

use crate::{config::Config, error::Result, library};

/// A longer header is not read for what is written in it.
const HEADER_MAX: u64 = 8 * 1024 * 1024;

/// What there is on the shelf.
#[derive(Debug)]
pub struct Shown(Shelf);

impl Shown {
    /// The configured one.
    pub fn new(config: &Config) -> Result<Self> {
        library::shelf(config).map(Self)
    }
}

impl Adapters for Shown {
    fn list(&self, kind: AdapterKind) -> Vec<AdapterFile> {
        let shelf_kind = match kind {
            AdapterKind::Lora => Kind::Lora,
            AdapterKind::Embedding => Kind::Embedding,
            AdapterKind::ControlNet => Kind::ControlNet,
        };
        let found = self.0.list(shelf_kind).into_iter().map(|found| {
            let ending = found.path.extension().and_then(|ending| ending.to_str()).filter(|_| found.path.is_file());
            AdapterFile {
                name: found.word().to_owned(),
                path: ending.map_or_else(|| found.name.clone(), |ending| format!("{}.{ending}", found.name)),
                metadata: if kind == AdapterKind::Lora { metadata(&found.path).unwrap_or_default() } else { BTreeMap::new() },
            }
        });
        found.collect()
    }
}

/// What a safetensors file says of itself. A file that cannot be read says nothing; whoever uses it is told why.
fn metadata(path: &Path) -> Option<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    struct Header {
        #[serde(rename = "__metadata__", default)]
        metadata: BTreeMap<String, String>,
    }
    let mut file = File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = Some(u64::from_le_bytes(length)).filter(|length| *length <= HEADER_MAX)?;
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).ok()?;
    serde_json::from_slice::<Header>(&header).ok().map(|header| header.metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_shown_by_their_names_and_without_their_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let loras = folder.path().join("Lora/style");
        std::fs::create_dir_all(&loras).expect("a folder");
        let header = br#"{"__metadata__":{"ss_output_name":"ink"}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        std::fs::write(loras.join("ink.safetensors"), bytes).expect("a file");
        std::fs::write(loras.join("broken.safetensors"), [255; 20]).expect("a file");
        let shown = Shown(Shelf::default().with_root(folder.path()));
        let files = shown.list(AdapterKind::Lora);
        let names: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.path.as_str())).collect();
        assert_eq!(names, [("broken", "style/broken.safetensors"), ("ink", "style/ink.safetensors")]);
        assert_eq!(files[1].metadata.get("ss_output_name").map(String::as_str), Some("ink"));
        assert!(files[0].metadata.is_empty() && shown.list(AdapterKind::Embedding).is_empty());
    }
}
