//! What a checkpoint's author or user says about it beyond its tensors.
//!
//! Two places, the second wins over the first:
//! 1. `__metadata__` of the file: `easel.unet_config`, `easel.vae_config`, `easel.text_encoder_config`, `easel.text_encoder_2_config` and
//!    `easel.scheduler_config`, each a JSON object of diffusers configuration fields.
//! 2. A sidecar `<name>.toml` beside `<name>.safetensors`, with tables of the same names without `easel.`, and at the top
//!    `prediction_type = "epsilon"` or `"v_prediction"`, and `tokenizer = "folder"` (below the checkpoint's own folder).
//!
//! Of a sidecar `<name>.yaml` as the original code and A1111 use it, just `parameterization: "v"` is read. Fields given here replace
//! derived ones; they are judged like any other configuration.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use serde_json::{Map, Value};

use super::super::{
    WeightsError,
    component::{CONFIG_BYTES_MAX, read_capped},
};

const TABLES: [&str; 5] = ["unet_config", "vae_config", "text_encoder_config", "text_encoder_2_config", "scheduler_config"];

/// Overrides of one checkpoint.
#[derive(Debug, Default)]
pub struct Overrides {
    tables: BTreeMap<&'static str, Map<String, Value>>,
    /// `epsilon` or `v_prediction`, when the sidecar says so.
    pub prediction_type: Option<String>,
    tokenizer: Option<String>,
}

impl Overrides {
    /// Collects the overrides of the checkpoint at `path`.
    pub fn read(path: &Path, metadata: &BTreeMap<String, String>) -> Result<Self, WeightsError> {
        let mut all = Self::default();
        for table in TABLES {
            if let Some(text) = metadata.get(&format!("easel.{table}")) {
                let fields: Map<String, Value> = serde_json::from_str(text)
                    .map_err(|e| WeightsError::model(path, format!("__metadata__ easel.{table} is not a JSON object: {e}")))?;
                all.tables.entry(table).or_default().extend(fields);
            }
        }
        let sidecar = path.with_extension("toml");
        if sidecar.exists() {
            all.read_toml(&sidecar)?;
        }
        let sidecar = path.with_extension("yaml");
        if all.prediction_type.is_none() && sidecar.exists() {
            all.prediction_type = yaml_parameterization(&String::from_utf8_lossy(&read_capped(&sidecar, CONFIG_BYTES_MAX)?));
        }
        Ok(all)
    }

    fn read_toml(&mut self, path: &Path) -> Result<(), WeightsError> {
        let bytes = read_capped(path, CONFIG_BYTES_MAX)?;
        let text = String::from_utf8(bytes).map_err(|_| WeightsError::model(path, "not UTF-8"))?;
        let fields: Map<String, Value> =
            toml::from_str(&text).map_err(|e| WeightsError::model(path, format!("not valid TOML: {}", e.message())))?;
        for (key, value) in fields {
            match (TABLES.iter().find(|table| **table == key), value) {
                (Some(table), Value::Object(fields)) => self.tables.entry(table).or_default().extend(fields),
                (Some(_), _) => return Err(WeightsError::model(path, format!("{key} must be a table"))),
                (None, Value::String(text)) if key == "tokenizer" => self.tokenizer = Some(text),
                (None, Value::String(text))
                    if key == "prediction_type" && matches!(text.as_str(), "epsilon" | "v_prediction") =>
                {
                    self.prediction_type = Some(text);
                }
                (None, _) if matches!(key.as_str(), "tokenizer" | "prediction_type") => {
                    return Err(WeightsError::model(path, format!("{key} has a value that is not known")));
                }
                // Other programs keep their own keys in such files.
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// `config` with the fields of `table` replaced.
    pub fn apply(&self, table: &str, mut config: Value) -> Value {
        if let (Some(fields), Some(config)) = (self.tables.get(table), config.as_object_mut()) {
            config.extend(fields.clone());
        }
        config
    }

    /// A field that an override table sets.
    pub fn field(&self, table: &str, field: &str) -> Option<&Value> {
        self.tables.get(table)?.get(field)
    }

    /// The tokenizer folder the sidecar names, which must lie below the checkpoint's folder.
    pub fn tokenizer(&self, checkpoint: &Path) -> Result<Option<PathBuf>, WeightsError> {
        let Some(name) = &self.tokenizer else { return Ok(None) };
        let inside = !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside {
            return Err(WeightsError::model(
                &checkpoint.with_extension("toml"),
                "tokenizer must name a folder below the checkpoint's own",
            ));
        }
        Ok(Some(checkpoint.with_file_name(name)))
    }
}

/// `parameterization:` of an original configuration. A line is enough to look at: the key occurs once, and no YAML reader is needed.
fn yaml_parameterization(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("parameterization:"))?;
    let value = value.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
    match value {
        "v" => Some("v_prediction".to_owned()),
        "eps" => Some("epsilon".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_one_line_of_yaml_that_matters() {
        let text = "model:\n  params:\n    parameterization: \"v\"  # velocity\n    linear_start: 0.00085\n";
        assert_eq!(yaml_parameterization(text).as_deref(), Some("v_prediction"));
        assert_eq!(yaml_parameterization("parameterization: eps").as_deref(), Some("epsilon"));
        assert_eq!(yaml_parameterization("model:\n"), None);
    }

    #[test]
    fn tokenizer_stays_below_the_checkpoint() {
        for name in ["../x", "/etc", "", "a/../../b"] {
            let overrides = Overrides { tokenizer: Some(name.to_owned()), ..Overrides::default() };
            assert!(overrides.tokenizer(Path::new("/m/a.safetensors")).is_err(), "{name}");
        }
        let overrides = Overrides { tokenizer: Some("tok/clip".to_owned()), ..Overrides::default() };
        assert_eq!(overrides.tokenizer(Path::new("/m/a.safetensors")).unwrap(), Some(PathBuf::from("/m/tok/clip")));
    }
}
