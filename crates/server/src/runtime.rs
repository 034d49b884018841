//! The engine with its backend and its models: what `serve` and `generate` have in common.

use easel_backend::DenoiseBackend;
use easel_engine::{Engine, EngineConfig, Factory, SubmitError, scheduler::Rules};
use easel_models::backend::{self, AdapterOptions, BackendOptions, TEXT_CACHE_BYTES};
use easel_types::ModelId;

use crate::{
    config::Config,
    error::{Exit, Failure, Result},
    library::{self, Entry, HINT, Listed},
    tap::{Kept, Tap},
};

/// A running engine.
pub struct Runtime {
    /// The engine.
    pub engine: Engine,
    /// What the backend has left behind.
    pub kept: Kept,
}

/// What a command wants of the engine.
#[derive(Debug, Default)]
pub struct Options {
    /// Keep the latents of every picture.
    pub keep_latents: bool,
    /// Fail at once where there is no model, instead of starting without one.
    pub need_model: bool,
    /// The engine's own settings.
    pub engine: EngineConfig,
}

impl Runtime {
    /// The engine's settings as configured, without measuring.
    pub fn engine_config(config: &Config) -> EngineConfig {
        let engine = &config.engine;
        let rules = Rules {
            queue_max: engine.queue_max,
            backlog_max: engine.backlog,
            user_queue_max: engine.user_queue_max,
            rows_max: engine.rows_max,
            target_factor: engine.target_factor,
            ageing: engine.ageing,
            ..Rules::default()
        };
        EngineConfig {
            rules,
            pinned: engine.pinned.clone(),
            memory: engine.memory,
            curves: Some(config.storage.data_dir.join("step-times.json")),
            ..EngineConfig::default()
        }
    }

    /// Opens the device and starts the engine; the model is loaded in the background, [`Runtime::ready`] waits for it.
    pub fn start(config: &Config, options: Options) -> Result<Self> {
        let mut devices = Vec::new();
        for device in &config.models.devices {
            devices.push(device.open()?.with_precision(config.models.precision)?);
        }
        let library = library::open(config)?;
        let models = library::entries(&library)?;
        let default = choose(config, &models, options.need_model)?;
        let kept = Kept::default();
        let engine = EngineConfig { default_model: default, ..options.engine };
        let count = models.len();
        let catalogue = Listed::new(library, models);
        let shelf = library::shelf(config)?;
        let mut factories: Vec<Factory<Tap<Box<dyn DenoiseBackend>>>> = Vec::new();
        for device in devices {
            tracing::debug!(device = %device.device, detail = device.detail, models = count, "starting the engine");
            let options_of_device = BackendOptions {
                device,
                catalogue: Box::new(catalogue.clone()),
                variant: config.models.variant.clone(),
                prompt: Default::default(),
                text_cache_bytes: TEXT_CACHE_BYTES,
                adapters: AdapterOptions { shelf: shelf.clone(), ..AdapterOptions::default() },
            };
            let (inside, keep_latents) = (kept.clone(), options.keep_latents);
            factories.push(Box::new(move || Ok(Tap::new(backend::open(options_of_device), inside, keep_latents))));
        }
        let engine = Engine::start_on(factories, engine);
        Ok(Self { engine, kept })
    }

    /// Waits until requests are taken.
    pub async fn ready(&self) -> Result<()> {
        match self.engine.ready().await {
            Ok(()) => Ok(()),
            Err(SubmitError::Failed) => Err(self.failure()),
            Err(error) => Err(error.into()),
        }
    }

    /// Why the engine has failed.
    pub fn failure(&self) -> Failure {
        if let Some(error) = self.kept.load_error() {
            return error.into();
        }
        let reason = self.engine.status().failure.unwrap_or_else(|| "the engine has failed".to_owned());
        Failure::new(Exit::Device, reason)
    }
}

/// The model of requests that name none.
fn choose(config: &Config, models: &[Entry], need_model: bool) -> Result<Option<ModelId>> {
    match &config.models.model {
        Some(wanted) => library::find(models, &wanted.0).map(|entry| Some(entry.id.clone())),
        None if models.is_empty() && need_model => Err(Failure::new(Exit::Model, "no model is installed").hint(HINT)),
        None => Ok(None),
    }
}
