//! Which device draws, with which model.

use std::{path::PathBuf, str::FromStr};

use easel_models::{Device, Precision};
use easel_types::ModelId;

use super::{ConfigError, Fallback, Setting, Values};

/// Where it is drawn.
pub const DEVICE: Setting = Setting {
    key: "device",
    flag: "device",
    env: &["EASEL_DEVICE"],
    placeholder: "DEVICE",
    help: "Devices that draw, separated by commas: auto, cpu, cuda:N or metal",
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

/// The number format networks compute in.
pub const PRECISION: Setting = Setting {
    key: "precision",
    flag: "precision",
    env: &["EASEL_PRECISION"],
    placeholder: "FORMAT",
    help: "Number format networks compute in. Unset: bf16 on NVIDIA cards and on processors with AMX, f32 elsewhere",
    choices: Some(|| Precision::ALL.map(Precision::name).into()),
    ..Setting::BASE
};

/// Other programs' folders.
pub const ADAPTERS: Setting = Setting {
    key: "adapters",
    flag: "adapters",
    env: &["EASEL_ADAPTERS"],
    placeholder: "PATHS",
    help: "Where checkpoints, LoRAs, embeddings and ControlNets are looked for besides the data folder, separated by commas: folders of \
           AUTOMATIC1111 or ComfyUI, or an extra_model_paths.yaml",
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&DEVICE, &PRECISION, &MODEL, &VARIANT, &ADAPTERS];

/// Which device draws, with which model.
#[derive(Debug)]
pub struct Models {
    /// Where it is drawn; at least one.
    pub devices: Vec<Device>,
    /// The number format networks compute in; the device's own where nobody says.
    pub precision: Option<Precision>,
    /// The model of requests that name none.
    pub model: Option<ModelId>,
    /// Variant of the weights to prefer.
    pub variant: Option<String>,
    /// Folders of other programs, or lists of them.
    pub adapters: Vec<PathBuf>,
}

impl Models {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            devices: values.require::<Devices>(&DEVICE)?.0,
            precision: values.get(&PRECISION)?,
            model: values.get::<String>(&MODEL)?.map(ModelId),
            variant: values.get(&VARIANT)?,
            adapters: values.get::<String>(&ADAPTERS)?.map_or_else(Vec::new, |list| {
                list.split(',').map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from).collect()
            }),
        })
    }
}

/// Names of devices, separated by commas; none twice.
struct Devices(Vec<Device>);

impl FromStr for Devices {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut devices: Vec<Device> = Vec::new();
        for name in text.split(',').map(str::trim) {
            let device = name.parse::<Device>().map_err(|error| error.to_string())?;
            if devices.iter().any(|known| known.to_string() == device.to_string()) {
                return Err(format!("`{name}` is named twice"));
            }
            devices.push(device);
        }
        Ok(Self(devices))
    }
}
