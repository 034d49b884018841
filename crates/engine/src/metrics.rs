//! What operators see of the engine, in Prometheus' text format. Labels are bounded: models, shapes, devices and reasons, never users or
//! prompts.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use easel_types::ModelId;
use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::{
    core::{Core, Shape},
    scheduler::Stopped,
};

type Labels = Vec<(&'static str, String)>;

/// The engine's metrics.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    pub submitted: Counter,
    refused: Family<Labels, Counter>,
    ended: Family<Labels, Counter>,
    request_seconds: Family<Labels, Histogram>,
    wait_seconds: Histogram,
    queue_depth: Gauge,
    unfinished: Gauge,
    active_rows: Gauge,
    backlog: Gauge<f64, std::sync::atomic::AtomicU64>,
    devices: Family<Labels, Gauge>,
    batch_rows: Histogram,
    batches: Family<Labels, Counter>,
    step_seconds: Family<Labels, Histogram>,
    load_seconds: Family<Labels, Histogram>,
    evictions: Family<Labels, Counter>,
    memory: Family<Labels, Gauge>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 20))
}

impl Metrics {
    pub fn new() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("easel_engine")),
            submitted: Counter::default(),
            refused: Family::default(),
            ended: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            wait_seconds: seconds(),
            queue_depth: Gauge::default(),
            unfinished: Gauge::default(),
            active_rows: Gauge::default(),
            backlog: Gauge::default(),
            devices: Family::default(),
            batch_rows: Histogram::new(exponential_buckets(1.0, 2.0, 8)),
            batches: Family::default(),
            step_seconds: Family::new_with_constructor(seconds),
            load_seconds: Family::new_with_constructor(seconds),
            evictions: Family::default(),
            memory: Family::default(),
        };
        {
            let mut registry = metrics.registry.lock().unwrap_or_else(PoisonError::into_inner);
            registry.register("requests_submitted", "Requests accepted", metrics.submitted.clone());
            registry.register("requests_refused", "Requests not accepted, by reason", metrics.refused.clone());
            registry.register("requests_ended", "Requests ended, by outcome and reason", metrics.ended.clone());
            let what = "From submission to the end, by outcome";
            registry.register_with_unit("request", what, Unit::Seconds, metrics.request_seconds.clone());
            registry.register_with_unit(
                "queue_wait",
                "From submission to the start",
                Unit::Seconds,
                metrics.wait_seconds.clone(),
            );
            registry.register("queue_depth", "Requests that wait", metrics.queue_depth.clone());
            registry.register("requests_unfinished", "Requests that have not ended", metrics.unfinished.clone());
            registry.register("active_rows", "Denoiser rows of pictures being stepped", metrics.active_rows.clone());
            let what = "Estimated work that has been accepted, for each device";
            registry.register_with_unit("backlog", what, Unit::Seconds, metrics.backlog.clone());
            registry.register("devices", "Devices by state", metrics.devices.clone());
            registry.register("batch_rows", "Denoiser rows of a batch", metrics.batch_rows.clone());
            registry.register("batches", "Batches by the reason why they were no larger", metrics.batches.clone());
            let what = "One denoiser evaluation, by model and shape";
            registry.register_with_unit("step", what, Unit::Seconds, metrics.step_seconds.clone());
            registry.register_with_unit("model_load", "Bringing a model in", Unit::Seconds, metrics.load_seconds.clone());
            registry.register("model_evictions", "Models put out to make room", metrics.evictions.clone());
            registry.register_with_unit("memory", "Device memory, by what it is for", Unit::Bytes, metrics.memory.clone());
        }
        metrics
    }

    pub fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&vec![("reason", reason.to_owned())]).inc();
    }

    pub fn ended(&self, outcome: &'static str, reason: &'static str, seconds: f64) {
        self.ended.get_or_create(&vec![("outcome", outcome.to_owned()), ("reason", reason.to_owned())]).inc();
        self.request_seconds.get_or_create(&vec![("outcome", outcome.to_owned())]).observe(seconds);
    }

    pub fn waited(&self, time: Duration) {
        self.wait_seconds.observe(time.as_secs_f64());
    }

    pub fn batch(&self, device: &str, shape: &Shape, _pictures: u32, rows: u32, seconds: f64, stopped: Stopped) {
        self.batch_rows.observe(f64::from(rows));
        self.batches.get_or_create(&vec![("stopped", stopped.as_str().to_owned())]).inc();
        let size = format!("{}x{}", shape.width, shape.height);
        let labels = vec![("device", device.to_owned()), ("model", shape.model.0.clone()), ("shape", size)];
        self.step_seconds.get_or_create(&labels).observe(seconds);
    }

    pub fn loaded(&self, model: &ModelId, seconds: f64) {
        self.load_seconds.get_or_create(&vec![("model", model.0.clone())]).observe(seconds);
    }

    pub fn evicted(&self, model: &ModelId) {
        self.evictions.get_or_create(&vec![("model", model.0.clone())]).inc();
    }

    /// Everything as text, with what has to be counted at the moment.
    pub fn text(&self, core: &Core) -> String {
        let scheduler = &core.scheduler;
        self.queue_depth.set(scheduler.waiting() as i64);
        self.unfinished.set(scheduler.unfinished() as i64);
        self.active_rows.set(i64::from(scheduler.active_rows()));
        self.backlog.set(scheduler.backlog());
        let up = scheduler.devices_up();
        self.devices.get_or_create(&vec![("state", "up".to_owned())]).set(up as i64);
        self.devices.get_or_create(&vec![("state", "lost".to_owned())]).set((core.devices.len() - up) as i64);
        for device in &core.devices {
            let kinds = [("weights", device.memory.weights), ("slots", device.memory.slots), ("cache", device.memory.cache)];
            for (kind, bytes) in kinds {
                let labels = vec![("device", device.name.clone()), ("kind", kind.to_owned())];
                self.memory.get_or_create(&labels).set(i64::try_from(bytes).unwrap_or(i64::MAX));
            }
        }
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing into a string cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}
