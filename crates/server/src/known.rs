//! Models that can be pulled by a short name: one manifest each in `models/` at the top of the repository, embedded in the binary.
//!
//! A manifest says where a model is, what its licence is and what is recommended for it. To add one, put a `models/<name>.toml` there; the
//! file's name is the model's. Nothing here speaks to the network, and no weights are named that the hub would not verify.

use std::sync::LazyLock;

use easel_models::{pipeline::Defaults, weights::Family};
use serde::{Deserialize, Serialize};

/// Name and text of every manifest.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/known.rs"));

/// What is known of a model before it is pulled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownModel {
    /// Its short name.
    #[serde(skip_deserializing)]
    pub id: &'static str,
    /// Its name for people.
    pub title: String,
    /// `org/name` on the hub.
    pub repo: String,
    /// Branch, tag or commit. A branch follows its publisher; what is installed names the commit.
    pub revision: String,
    /// Which of several sets of weights to take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The family, for the list; what is pulled is looked at itself.
    pub family: Family,
    /// On what terms its makers give it away.
    pub licence: Licence,
    /// What is recommended where a request says nothing.
    pub defaults: Defaults,
}

/// A licence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Its name.
    pub name: String,
    /// Where it can be read.
    pub url: String,
}

/// Every known model, by name.
pub fn all() -> &'static [KnownModel] {
    static ALL: LazyLock<Vec<KnownModel>> = LazyLock::new(|| {
        let read = |(id, text): &(&'static str, &str)| {
            let model: KnownModel = toml::from_str(text).expect("a test reads every embedded manifest. This is a bug.");
            KnownModel { id, ..model }
        };
        FILES.iter().map(read).collect()
    });
    &ALL
}

/// A known model by its short name.
pub fn find(name: &str) -> Option<&'static KnownModel> {
    all().iter().find(|model| model.id == name)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use easel_models::hub::PullOptions;

    use super::*;

    #[test]
    fn every_manifest_is_embedded_and_says_something_usable() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let stems = files.filter(|path| path.extension().is_some_and(|e| e == "toml"));
        let stems: BTreeSet<_> = stems.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        assert_eq!(stems, all().iter().map(|model| model.id.to_owned()).collect());
        assert!(stems.len() >= 5, "{stems:?}");
        for model in all() {
            let options = PullOptions::parse(&format!("{}@{}", model.repo, model.revision)).unwrap();
            assert_eq!((options.repo.as_str(), options.revision.as_deref()), (model.repo.as_str(), Some(&*model.revision)));
            assert!(model.licence.url.starts_with("https://") && !model.licence.name.is_empty(), "{}", model.id);
            model.defaults.check().unwrap();
            let defaults = &model.defaults;
            assert!(defaults.sampler.is_some() && defaults.num_inference_steps.is_some() && defaults.guidance_scale.is_some());
            let sides = [defaults.width, defaults.height].map(|side| side.unwrap() % 64);
            assert_eq!(sides, [0, 0], "{}", model.id);
            assert_eq!(crate::library::folder_name(model.id), model.id, "it is the name it is installed under");
        }
    }

    #[test]
    fn a_misspelt_field_is_an_error() {
        let text = FILES[0].1.replace("revision", "revison");
        assert!(toml::from_str::<KnownModel>(&text).is_err());
    }
}
