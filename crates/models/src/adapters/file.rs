//! A LoRA file, checked as a whole against the model it is for: by its header alone, before any number is read.
//!
//! Every tensor must belong to a layer of the model and fit it; both halves must be there. What is left over, what is of another kind
//! (DoRA, LoHa, LoKr, …) and what is for another architecture is refused by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use super::names::{Finder, Layer, Part, other_kind, parse};
use crate::{
    ops::{ConvShape, LayerShape, Layers, Ops},
    pipeline::Pipeline,
    weights::{WeightFile, WeightSet, WeightsError},
};

/// Higher ranks than any trainer gives; a bound on what one layer can ask for.
const RANK_MAX: usize = 4096;

/// What adapters can add to in a model.
pub struct ModelLayers<'a> {
    components: Vec<(&'a Layers, Finder)>,
}

impl<'a> ModelLayers<'a> {
    /// The layers of a loaded model: the denoiser's, then each text encoder's.
    pub fn of<O: Ops>(pipeline: &'a Pipeline<O>) -> Self {
        let unet = pipeline.unet.layers();
        let mut components = vec![(unet, Finder::new(unet.keys(), Some(pipeline.unet.config())))];
        components.extend(pipeline.encoders.iter().map(|encoder| {
            let layers = encoder.model.layers();
            (layers, Finder::new(layers.keys(), None))
        }));
        Self { components }
    }
}

/// One layer's addition.
#[derive(Debug)]
pub(super) struct Addition {
    pub component: usize,
    /// The model's name for the layer.
    pub layer: String,
    pub shape: LayerShape,
    pub rank: usize,
    pub down: String,
    pub up: String,
    pub mid: Option<String>,
    /// What the product is multiplied by.
    pub scale: f32,
}

/// A checked LoRA file.
#[derive(Debug)]
pub struct LoraFile {
    pub(super) weights: WeightSet,
    pub(super) additions: Vec<Addition>,
    /// The hash that its header says it has.
    pub(super) hash: Option<String>,
}

/// The stored names of one layer's tensors.
#[derive(Default)]
struct Halves {
    down: Option<String>,
    up: Option<String>,
    mid: Option<String>,
    alpha: Option<String>,
}

impl LoraFile {
    /// Opens a file and checks all of it.
    pub fn open(path: &Path, model: &ModelLayers<'_>) -> Result<Self, WeightsError> {
        let file = Arc::new(WeightFile::open(path)?);
        let weights = WeightSet::from_files(path, &[Arc::clone(&file)])?;
        let scales = Scales::read(path, &file.header().metadata)?;
        let check = Check { path, weights: &weights, made_for: made_for(&file.header().metadata), scales };
        let mut layers: BTreeMap<(usize, Layer), Halves> = BTreeMap::new();
        for name in weights.names() {
            if let Some(kind) = other_kind(name) {
                return Err(WeightsError::tensor(path, name, format!("{kind} is not supported, only LoRA and LoCon are")));
            }
            let Some(key) = parse(name) else {
                return Err(WeightsError::tensor(path, name, "not a part of a LoRA"));
            };
            let halves = layers.entry((key.component, key.layer)).or_default();
            let place = match key.part {
                Part::Down => &mut halves.down,
                Part::Mid => &mut halves.mid,
                Part::Up => &mut halves.up,
                Part::Alpha => &mut halves.alpha,
            };
            if place.replace(name.to_owned()).is_some() {
                return Err(WeightsError::tensor(path, name, "the same part of a layer is there twice"));
            }
        }
        if layers.is_empty() {
            return Err(WeightsError::model(path, "the file holds no tensors"));
        }
        let additions: Vec<Addition> = layers
            .into_iter()
            .map(|((component, layer), halves)| check.addition(model, component, &layer, halves))
            .collect::<Result<_, _>>()?;
        let mut known = BTreeSet::new();
        if let Some(twice) = additions.iter().find(|addition| !known.insert((addition.component, &addition.layer))) {
            return Err(WeightsError::tensor(path, &twice.down, "the layer is there twice, under two spellings"));
        }
        let hash = file.header().metadata.get("sshs_model_hash").cloned();
        Ok(Self { weights, additions, hash })
    }

    /// Numbers it holds.
    pub fn numbers(&self) -> u64 {
        self.weights.names().filter_map(|name| self.weights.shape(name)).map(|shape| shape.iter().product::<usize>() as u64).sum()
    }
}

struct Check<'a> {
    path: &'a Path,
    weights: &'a WeightSet,
    made_for: Option<&'a str>,
    scales: Scales,
}

impl Check<'_> {
    fn addition(
        &self,
        model: &ModelLayers<'_>,
        component: usize,
        layer: &Layer,
        halves: Halves,
    ) -> Result<Addition, WeightsError> {
        let any = [&halves.down, &halves.up, &halves.mid, &halves.alpha].into_iter().flatten().next();
        let any = any.cloned().unwrap_or_default();
        let found = model.components.get(component).and_then(|(layers, finder)| {
            let name = finder.find(layer)?;
            Some((name, *layers.get(name)?))
        });
        let Some((name, shape)) = found else {
            return Err(WeightsError::tensor(self.path, &any, format!("the model has no such layer{}", self.another())));
        };
        let (Some(down), Some(up)) = (halves.down, halves.up) else {
            return Err(WeightsError::tensor(self.path, &any, "the other half of the layer's addition is missing"));
        };
        let rank = self.weights.shape(&down).and_then(|shape| shape.first().copied()).unwrap_or(0);
        if rank == 0 || rank > RANK_MAX {
            return Err(WeightsError::tensor(self.path, &down, format!("the rank must be 1..={RANK_MAX}, is {rank}")));
        }
        let [down_shape, mid_shape, up_shape] = stored_shapes(shape, rank, halves.mid.is_some());
        self.fits(&down, &down_shape)?;
        self.fits(&up, &up_shape)?;
        if let Some(mid) = &halves.mid {
            if !matches!(shape, LayerShape::Conv(_)) {
                return Err(WeightsError::tensor(self.path, mid, "a linear layer has no middle"));
            }
            self.fits(mid, &mid_shape)?;
        }
        let alpha = halves.alpha.map(|alpha| self.alpha(&alpha)).transpose()?;
        let scale = alpha.map_or_else(|| self.scales.of(component, name, rank), |alpha| alpha / rank as f32);
        Ok(Addition { component, layer: name.to_owned(), shape, rank, down, up, mid: halves.mid, scale })
    }

    fn fits(&self, tensor: &str, expected: &[usize]) -> Result<(), WeightsError> {
        let found = self.weights.shape(tensor).unwrap_or(&[]);
        // A matrix also stands for a convolution of one pixel, and the other way round.
        let matrix = |shape: &[usize]| match shape {
            [out, inner, 1, 1] => vec![*out, *inner],
            _ => shape.to_vec(),
        };
        if matrix(found) == matrix(expected) {
            return Ok(());
        }
        let reason = format!("shape {found:?} found, this model's layer needs {expected:?}{}", self.another());
        Err(WeightsError::tensor(self.path, tensor, reason))
    }

    fn alpha(&self, name: &str) -> Result<f32, WeightsError> {
        let shape = self.weights.shape(name).unwrap_or(&[]).to_vec();
        match self.weights.numbers(name, &shape)?[..] {
            [alpha] if alpha.is_finite() => Ok(alpha),
            _ => Err(WeightsError::tensor(self.path, name, "one finite number is needed")),
        }
    }

    fn another(&self) -> String {
        let made_for = self.made_for.map_or_else(String::new, |made_for| format!(" ({})", crate::weights::shorten(made_for)));
        format!(": the LoRA is for another architecture{made_for}")
    }
}

/// The shapes that down, middle and up are stored in.
fn stored_shapes(shape: LayerShape, rank: usize, has_middle: bool) -> [Vec<usize>; 3] {
    match shape {
        LayerShape::Linear { outputs, inputs } => [vec![rank, inputs], Vec::new(), vec![outputs, rank]],
        LayerShape::Gated { outputs, inputs } => [vec![rank, inputs], Vec::new(), vec![2 * outputs, rank]],
        LayerShape::Conv(shape) => crate::ops::parts(shape, rank, has_middle)
            .map(|ConvShape { outputs, inputs, kernel, .. }| vec![outputs, inputs, kernel, kernel]),
    }
}

/// What trainers write about the model a file was trained on.
fn made_for(metadata: &BTreeMap<String, String>) -> Option<&str> {
    ["modelspec.architecture", "ss_base_model_version"].iter().find_map(|key| metadata.get(*key)).map(String::as_str)
}

/// Scales that stand in the metadata, as peft writes them; without any, alpha is the rank.
#[derive(Default)]
struct Scales(serde_json::Map<String, serde_json::Value>);

impl Scales {
    const KEY: &str = "lora_adapter_metadata";
    const COMPONENTS: [&str; 3] = ["unet", "text_encoder", "text_encoder_2"];

    fn read(path: &Path, metadata: &BTreeMap<String, String>) -> Result<Self, WeightsError> {
        let Some(text) = metadata.get(Self::KEY) else { return Ok(Self::default()) };
        let scales: Self = serde_json::from_str(text)
            .map(Self)
            .map_err(|error| WeightsError::header(path, format!("{}: {error}", Self::KEY)))?;
        for component in Self::COMPONENTS {
            if scales.get(component, "use_dora").and_then(serde_json::Value::as_bool) == Some(true) {
                return Err(WeightsError::model(
                    path,
                    "DoRA (weight-decomposed adaptation) is not supported, only LoRA and LoCon are",
                ));
            }
        }
        Ok(scales)
    }

    fn get(&self, component: &str, key: &str) -> Option<&serde_json::Value> {
        self.0.get(&format!("{component}.{key}"))
    }

    fn of(&self, component: usize, layer: &str, rank: usize) -> f32 {
        let component = Self::COMPONENTS[component.min(2)];
        let is = |pattern: &str| layer == pattern || layer.strip_suffix(pattern).is_some_and(|rest| rest.ends_with('.'));
        let pattern = self.get(component, "alpha_pattern").and_then(serde_json::Value::as_object);
        let own =
            pattern.and_then(|pattern| pattern.iter().find(|(pattern, _)| is(pattern)).and_then(|(_, alpha)| alpha.as_f64()));
        let alpha = own.or_else(|| self.get(component, "lora_alpha").and_then(serde_json::Value::as_f64));
        let root = self.get(component, "use_rslora").and_then(serde_json::Value::as_bool) == Some(true);
        let by = if root { (rank as f64).sqrt() } else { rank as f64 };
        alpha.map_or(1.0, |alpha| (alpha / by) as f32)
    }
}
