//! Opening a model: a diffusers folder or a single-file checkpoint, to the same [`ModelFiles`].
//!
//! A diffusers folder is described by `model_index.json`; it decides which components there are, and the classes it names decide
//! whether the model is one we know. Its values are never used as paths: components lie in the folders of their fixed names.
//! Configurations are read as JSON here (size-capped, an object) and judged field by field where the networks are built.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{
    WeightSet, WeightsError,
    component::{is_plain_name, read_json},
    error::shorten,
    set::is_pickle_name,
    single_file,
    tokenizer::TokenizerFiles,
};

/// The families of Stable Diffusion that we run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// 1.x: CLIP ViT-L, 512 pixels.
    Sd1,
    /// 2.x: OpenCLIP ViT-H, 512 or 768 pixels.
    Sd2,
    /// XL base: CLIP ViT-L and OpenCLIP bigG, 1024 pixels.
    Sdxl,
}

impl Family {
    /// As users see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sd1 => "sd1",
            Self::Sd2 => "sd2",
            Self::Sdxl => "sdxl",
        }
    }
}

/// Everything a loader needs of a model.
#[derive(Debug)]
pub struct ModelFiles {
    /// The folder or file that was opened.
    pub path: PathBuf,
    /// Which family it belongs to.
    pub family: Family,
    /// `model_index.json`, or what stands for it: pipeline-wide switches such as `force_zeros_for_empty_prompt`.
    pub model_index: Value,
    /// The denoiser.
    pub unet: WeightSet,
    /// Its configuration.
    pub unet_config: Value,
    /// The autoencoder.
    pub vae: WeightSet,
    /// Its configuration.
    pub vae_config: Value,
    /// The text encoder.
    pub text_encoder: WeightSet,
    /// Its configuration.
    pub text_encoder_config: Value,
    /// XL's second text encoder.
    pub text_encoder_2: Option<WeightSet>,
    /// Its configuration.
    pub text_encoder_2_config: Option<Value>,
    /// The noise schedule the model was trained with.
    pub scheduler_config: Value,
    /// The text encoder's tokenizer.
    pub tokenizer: TokenizerFiles,
    /// The second text encoder's.
    pub tokenizer_2: Option<TokenizerFiles>,
    /// Stored tensors that belong to no component (a single file only): moving averages, training state. For a debug log.
    pub unmapped: Vec<String>,
}

/// How to open a model.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// `fp16` and the like; without one, full precision is preferred and whatever is there is taken.
    pub variant: Option<String>,
    /// Library folders to search for a tokenizer when a single-file checkpoint needs one.
    pub roots: Vec<PathBuf>,
}

/// Opens a diffusers folder or a single-file checkpoint.
pub fn open_model(path: &Path, variant: Option<&str>) -> Result<ModelFiles, WeightsError> {
    open_model_with(path, &OpenOptions { variant: variant.map(str::to_owned), roots: Vec::new() })
}

/// [`open_model`] with all options.
pub fn open_model_with(path: &Path, options: &OpenOptions) -> Result<ModelFiles, WeightsError> {
    if is_pickle_name(path) {
        return Err(WeightsError::Pickle { file: path.to_owned() });
    }
    let metadata = std::fs::metadata(path).map_err(|e| WeightsError::io(path, e))?;
    if !metadata.is_dir() {
        return single_file::open(path, options);
    }
    if path.join("model_index.json").exists() {
        return open_folder(path, options.variant.as_deref());
    }
    single_file::open(&only_checkpoint(path)?, options)
}

/// The one checkpoint of a folder that is no diffusers folder, which is how the library keeps single files.
pub(crate) fn only_checkpoint(folder: &Path) -> Result<PathBuf, WeightsError> {
    let entries = std::fs::read_dir(folder).map_err(|e| WeightsError::io(folder, e))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    let checkpoints: Vec<&PathBuf> = files.iter().filter(|path| path.extension().is_some_and(|e| e == "safetensors")).collect();
    match checkpoints.as_slice() {
        [only] => Ok((*only).clone()),
        [] => match files.iter().find(|path| is_pickle_name(path)) {
            Some(pickle) => Err(WeightsError::Pickle { file: pickle.clone() }),
            None => Err(WeightsError::model(
                &folder.join("model_index.json"),
                "not found, and the folder holds no .safetensors checkpoint either: this is not a model folder",
            )),
        },
        [first, ..] => Err(WeightsError::model(
            folder,
            format!(
                "holds {} checkpoints and no model_index.json; name the file to open, for example {}",
                checkpoints.len(),
                first.display()
            ),
        )),
    }
}

/// Components and the classes of them that we can run.
const COMPONENTS: [(&str, &[&str]); 4] = [
    ("unet", &["UNet2DConditionModel"]),
    ("vae", &["AutoencoderKL"]),
    ("text_encoder", &["CLIPTextModel", "CLIPTextModelWithProjection"]),
    ("text_encoder_2", &["CLIPTextModel", "CLIPTextModelWithProjection"]),
];

fn open_folder(path: &Path, variant: Option<&str>) -> Result<ModelFiles, WeightsError> {
    if let Some(variant) = variant
        && !is_plain_name(variant)
    {
        return Err(WeightsError::model(path, format!("{} is not a variant name", shorten(variant))));
    }
    let index_path = path.join("model_index.json");
    let model_index = read_json(&index_path)?;
    check_pipeline(&index_path, &model_index)?;
    for (name, classes) in COMPONENTS {
        check_component(&index_path, &model_index, name, classes)?;
    }
    let config = |component: &str| read_json(&path.join(component).join("config.json"));
    let open = |component: &str| WeightSet::open_component(path, component, variant);
    let two_encoders = has_component(&model_index, "text_encoder_2");
    let second = |component: &str| two_encoders.then_some(component.to_owned());
    let unet_config = config("unet")?;
    Ok(ModelFiles {
        path: path.to_owned(),
        family: family(two_encoders, &unet_config),
        unet: open("unet")?,
        vae_config: config("vae")?,
        vae: open("vae")?,
        text_encoder_config: config("text_encoder")?,
        text_encoder: open("text_encoder")?,
        text_encoder_2_config: second("text_encoder_2").map(|name| config(&name)).transpose()?,
        text_encoder_2: second("text_encoder_2").map(|name| open(&name)).transpose()?,
        scheduler_config: read_json(&path.join("scheduler").join("scheduler_config.json"))?,
        tokenizer: TokenizerFiles::open(&path.join("tokenizer"))?,
        tokenizer_2: second("tokenizer_2").map(|name| TokenizerFiles::open(&path.join(name))).transpose()?,
        unet_config,
        model_index,
        unmapped: Vec::new(),
    })
}

/// 2.x is told from 1.x by its linear projections; no other trait is common to all of its variants.
fn family(two_encoders: bool, unet_config: &Value) -> Family {
    match (two_encoders, unet_config.get("use_linear_projection") == Some(&json!(true))) {
        (true, _) => Family::Sdxl,
        (false, true) => Family::Sd2,
        (false, false) => Family::Sd1,
    }
}

fn check_pipeline(path: &Path, index: &Value) -> Result<(), WeightsError> {
    let class = index.get("_class_name").and_then(Value::as_str).unwrap_or_default();
    let known = class.starts_with("StableDiffusion") || class.starts_with("LatentConsistencyModel");
    let other = ["StableDiffusion3", "Upscale", "ControlNet", "Pix2Pix", "Depth2Img", "UnCLIP", "Unclip", "LatentUpscale"];
    if !known || other.iter().any(|part| class.contains(part)) {
        return Err(WeightsError::model(
            path,
            format!("_class_name {} is not supported; Stable Diffusion 1.x, 2.x and XL pipelines are", shorten(class)),
        ));
    }
    for key in index.as_object().into_iter().flat_map(|index| index.keys()) {
        if !is_plain_name(key) {
            return Err(WeightsError::model(path, format!("the component name {} is not a plain name", shorten(key))));
        }
    }
    Ok(())
}

fn has_component(index: &Value, name: &str) -> bool {
    index.get(name).and_then(|entry| entry.get(1)).is_some_and(|class| !class.is_null())
}

fn check_component(path: &Path, index: &Value, name: &str, classes: &[&str]) -> Result<(), WeightsError> {
    if !has_component(index, name) {
        if name == "text_encoder_2" {
            return Ok(());
        }
        // XL refiners have only a second text encoder: a model that refines what another made.
        return Err(WeightsError::model(
            path,
            format!("lists no {name}; models without one (XL refiners, for example) are not supported"),
        ));
    }
    let class = index[name][1].as_str().unwrap_or_default();
    if classes.contains(&class) {
        return Ok(());
    }
    Err(WeightsError::model(path, format!("{name} is of class {}, only {} is supported", shorten(class), classes.join(" or "))))
}
