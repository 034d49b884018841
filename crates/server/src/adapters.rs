//! The folders of LoRAs, learnt tokens and ControlNets, as the API lists them.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use easel_api::{AdapterFile, AdapterKind, Adapters};
use easel_models::adapters::{Found, Kind, Shelf};
use serde::Deserialize;

/// A longer header is not read for what is written in it.
const HEADER_MAX: u64 = 8 * 1024 * 1024;

/// A shelf to look through.
#[derive(Debug)]
pub struct Shelved(pub Shelf);

impl Adapters for Shelved {
    fn list(&self, kind: AdapterKind) -> Vec<AdapterFile> {
        let shelf = match kind {
            AdapterKind::Lora => Kind::Lora,
            AdapterKind::Embedding => Kind::Embedding,
            AdapterKind::ControlNet => Kind::ControlNet,
        };
        let mut found = self.0.list(shelf);
        // Of several with one name the first is the one that a request gets. The order is kept by a stable sort.
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|later, first| later.name == first.name);
        let file = |found: Found| {
            let ending = found.path.extension().and_then(|ending| ending.to_str()).filter(|_| found.path.is_file());
            AdapterFile {
                path: ending.map_or_else(|| found.name.clone(), |ending| format!("{}.{ending}", found.name)),
                bytes: found.bytes(),
                problem: found.problem().map(str::to_owned),
                metadata: if kind == AdapterKind::Lora { metadata(&found.path).unwrap_or_default() } else { BTreeMap::new() },
                name: found.name,
            }
        };
        found.into_iter().map(file).collect()
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
        let shown = Shelved(Shelf::default().with_root(folder.path()));
        let files = shown.list(AdapterKind::Lora);
        let names: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.path.as_str())).collect();
        assert_eq!(names, [("style/broken", "style/broken.safetensors"), ("style/ink", "style/ink.safetensors")]);
        assert_eq!(files[1].metadata.get("ss_output_name").map(String::as_str), Some("ink"));
        assert!(files[0].metadata.is_empty() && shown.list(AdapterKind::Embedding).is_empty());
    }
}
