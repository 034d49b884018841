//! The LoRAs and ControlNets on a device, kept for the next request that wears them: least recently used first out, bounded in bytes.
//!
//! Owned by the backend's thread. What pictures in the making wear stays with them whether or not it is still kept here. A file that was
//! replaced since is another one: its length and time are part of the key.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use easel_types::ModelId;

use super::{Adapter, Loading, ModelLayers, control};
use crate::{
    ModelError,
    ops::Ops,
    pipeline::{Cache, CacheCounts, Pipeline},
    unet::ControlNet,
    weights::WeightsError,
};

/// Files that are being brought to the device at once; more wait for each other.
const LOADING_MAX: usize = 8;

/// A file as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    path: PathBuf,
    length: u64,
    changed: Option<SystemTime>,
}

impl Stamp {
    pub fn of(path: &Path) -> Result<Self, WeightsError> {
        let about = fs::metadata(path).map_err(|error| WeightsError::io(path, error))?;
        Ok(Self { path: path.to_owned(), length: about.len(), changed: about.modified().ok() })
    }
}

/// LoRAs of all models of a backend.
pub struct Wardrobe<O: Ops> {
    kept: Cache<Stamp, Arc<Adapter<O>>>,
    loading: Vec<(ModelId, Stamp, Loading<O>)>,
    controls: Cache<Stamp, Arc<ControlNet<O>>>,
}

impl<O: Ops> Wardrobe<O> {
    /// An empty one of at most `limit` bytes of LoRAs and `controls` bytes of ControlNets; 0 keeps nothing.
    pub fn new(limit: u64, controls: u64) -> Self {
        Self { kept: Cache::new(limit), loading: Vec::new(), controls: Cache::new(controls) }
    }

    /// How it has done so far.
    pub fn counts(&self) -> CacheCounts {
        self.kept.counts()
    }

    /// A file's LoRA, or one slice of bringing it here.
    pub fn take(&mut self, pipeline: &Pipeline<O>, model: &ModelId, path: &Path) -> Result<Option<Arc<Adapter<O>>>, ModelError> {
        let stamp = Stamp::of(path)?;
        let at = self.loading.iter().position(|(of, under_way, _)| of == model && *under_way == stamp);
        let at = match at {
            Some(at) => at,
            None => {
                if let Some(adapter) = self.kept.get(model, &stamp) {
                    return Ok(Some(adapter));
                }
                if self.loading.len() >= LOADING_MAX {
                    // Nobody may be waiting for the oldest any more; whoever is begins again.
                    self.loading.remove(0);
                }
                let loading = Loading::begin(path, &ModelLayers::of(pipeline), pipeline.encoders.len())?;
                self.loading.push((model.clone(), stamp, loading));
                return Ok(None);
            }
        };
        let Some(adapter) = self.loading[at].2.slice(&pipeline.ops)? else { return Ok(None) };
        let (model, stamp, _) = self.loading.remove(at);
        self.kept.put(&model, &stamp, &adapter, adapter.bytes);
        Ok(Some(adapter))
    }

    /// A file's ControlNet. Loading one takes as long as loading a model; the engine's slices cannot be shorter.
    pub fn control(&mut self, pipeline: &Pipeline<O>, model: &ModelId, path: &Path) -> Result<Arc<ControlNet<O>>, ModelError> {
        let stamp = Stamp::of(path)?;
        if let Some(net) = self.controls.get(model, &stamp) {
            return Ok(net);
        }
        let (net, numbers) = control::load(pipeline.ops.as_ref(), path, pipeline.unet.config())?;
        let net = Arc::new(net);
        self.controls.put(model, &stamp, &net, numbers * pipeline.ops.value_bytes() as u64);
        Ok(net)
    }

    /// Bytes of everything that is kept.
    pub fn bytes(&self) -> u64 {
        self.kept.counts().bytes + self.controls.counts().bytes
    }

    /// Drops a model's LoRAs and ControlNets.
    pub fn drop_model(&mut self, model: &ModelId) {
        self.kept.drop_model(model);
        self.controls.drop_model(model);
        self.loading.retain(|(of, ..)| of != model);
    }
}
