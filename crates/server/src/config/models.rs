//! Which device draws, with which model.

use easel_models::Device;
use easel_types::ModelId;

use super::{ConfigError, Fallback, Setting, Values};

/// Where it is drawn.
pub const DEVICE: Setting = Setting {
    key: "device",
    flag: "device",
    env: &["EASEL_DEVICE"],
    placeholder: "DEVICE",
    help: "Device that draws: auto, cpu, cuda:N or metal",
    default: Fallback::Fixed("auto"),
    ..Setting::BASE
};

/// The model of requests that name none.
pub const MODEL: Setting = Setting {
    key: "model",
    flag: "model",
    env: &["EASEL_MODEL"],
    placeholder: "MODEL",
    help: "Model of requests that name none, as `easel list` shows it. Unset: the built-in one",
    ..Setting::BASE
};

/// Half-precision weights and the like.
pub const VARIANT: Setting = Setting {
    key: "variant",
    flag: "variant",
    env: &["EASEL_VARIANT"],
    placeholder: "NAME",
    help: "Variant of the weights to prefer where a model has several, such as fp16",
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&DEVICE, &MODEL, &VARIANT];

/// Which device draws, with which model.
#[derive(Debug)]
pub struct Models {
    /// Where it is drawn.
    pub device: Device,
    /// The model of requests that name none.
    pub model: Option<ModelId>,
    /// Variant of the weights to prefer.
    pub variant: Option<String>,
}

impl Models {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            device: values.require(&DEVICE)?,
            model: values.get::<String>(&MODEL)?.map(ModelId),
            variant: values.get(&VARIANT)?,
        })
    }
}
