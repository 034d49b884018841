//! Reading a component's `config.json`: typed, bounded, and with errors that name the field.
//!
//! Every number is checked before anything is allocated or divided by it, because a model folder comes from anywhere.

use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

/// A configuration that cannot be used.
#[derive(Debug, Error, Clone, PartialEq)]
#[error("{file}: {reason}")]
pub struct ConfigError {
    /// The file within the model's folder.
    pub file: String,
    /// The field and what is wrong with it.
    pub reason: String,
}

impl ConfigError {
    /// About a component's `config.json`.
    pub(crate) fn component(name: &str, reason: impl Into<String>) -> Self {
        Self { file: format!("{name}/config.json"), reason: reason.into() }
    }
}

/// The largest width of any layer; SDXL's is 10,240.
const MAX_WIDTH: usize = 1 << 16;
/// The largest number of layers of any kind in one place.
const MAX_LAYERS: usize = 256;

/// Parses a component's configuration.
pub(crate) fn parse<T: DeserializeOwned>(component: &str, value: &Value) -> Result<T, ConfigError> {
    serde_json::from_value(value.clone()).map_err(|error| ConfigError::component(component, error.to_string()))
}

/// Collects the checks of one component.
pub(crate) struct Checks<'a> {
    pub component: &'a str,
}

impl Checks<'_> {
    /// An error of this component.
    pub fn error(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::component(self.component, reason)
    }

    /// A layer width: positive and not absurd.
    pub fn width(&self, field: &str, value: usize) -> Result<(), ConfigError> {
        if value == 0 || value > MAX_WIDTH {
            return Err(self.error(format!("{field} must be 1..={MAX_WIDTH}, is {value}")));
        }
        Ok(())
    }

    /// A number of layers: positive and not absurd.
    pub fn layers(&self, field: &str, value: usize) -> Result<(), ConfigError> {
        if value == 0 || value > MAX_LAYERS {
            return Err(self.error(format!("{field} must be 1..={MAX_LAYERS}, is {value}")));
        }
        Ok(())
    }

    /// A division without remainder.
    pub fn divides(&self, field: &str, divisor: usize, value: usize) -> Result<(), ConfigError> {
        if divisor == 0 || !value.is_multiple_of(divisor) {
            return Err(self.error(format!("{field} = {divisor} does not divide {value}")));
        }
        Ok(())
    }

    /// A field that has just one supported value.
    pub fn only<T: PartialEq + std::fmt::Debug>(&self, field: &str, value: &T, supported: &T) -> Result<(), ConfigError> {
        if value != supported {
            return Err(self.error(format!("{field} = {value:?} is not supported, only {supported:?}")));
        }
        Ok(())
    }

    /// A finite positive number.
    pub fn positive(&self, field: &str, value: f64) -> Result<(), ConfigError> {
        if !(value.is_finite() && value > 0.0) {
            return Err(self.error(format!("{field} must be a positive number, is {value}")));
        }
        Ok(())
    }
}

/// One value for every level, or one per level: how diffusers writes `attention_head_dim` and its like.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum PerLevel<T> {
    /// The same everywhere.
    Same(T),
    /// One per level.
    Each(Vec<T>),
}

impl<T: Clone> PerLevel<T> {
    /// The value of every level.
    pub fn expand(&self, levels: usize) -> Option<Vec<T>> {
        match self {
            Self::Same(value) => Some(vec![value.clone(); levels]),
            Self::Each(values) => (values.len() == levels).then(|| values.clone()),
        }
    }
}
