//! Step times measured on this machine, kept in a file so that only the first start takes the time.
//!
//! Measuring runs a few real steps on throw-away slots. It doubles the rows until that pays less than the knee rule asks for, or until it has
//! taken long enough: a device so slow that a step takes seconds is compute-bound with a single request.

use std::{collections::BTreeMap, fs, io::Write, path::PathBuf, sync::Arc, time::Duration};

use easel_backend::{DenoiseBackend, ModelDescription, Plan, Prepared, Result as BackendResult, StepRow};
use easel_sampling::table;
use easel_types::{Convention, Handover, NoiseKind, Noising, Task};

use crate::{Clock, scheduler::Curve};

/// Most rows that are tried.
const ROWS_MAX: u32 = 32;
/// No larger batch is tried once measuring has taken this long.
const TIME_MAX: Duration = Duration::from_secs(4);
/// Steps of which the fastest counts, after one that warms up.
const REPEATS: usize = 3;
/// A larger batch must be this much better for its throughput, else the search ends.
const WORTH: f64 = 1.02;

/// The file; missing or unreadable is empty.
#[derive(Debug, Default)]
pub(crate) struct CurveFile {
    path: Option<PathBuf>,
    curves: BTreeMap<String, Curve>,
}

impl CurveFile {
    pub fn open(path: Option<PathBuf>) -> Self {
        let text = path.as_ref().and_then(|path| fs::read_to_string(path).ok());
        let curves = text.and_then(|text| match serde_json::from_str(&text) {
            Ok(curves) => Some(curves),
            Err(error) => {
                tracing::warn!(%error, ?path, "the file of step times cannot be read; measuring again");
                None
            }
        });
        Self { path, curves: curves.unwrap_or_default() }
    }

    pub fn get(&self, device: &str, detail: &str, model: &ModelDescription, width: u32, height: u32) -> Option<Curve> {
        self.curves.get(&key(device, detail, model, width, height)).cloned()
    }

    /// Keeps a curve; a file that cannot be written costs the next start some seconds and nothing else.
    pub fn put(&mut self, device: &str, detail: &str, model: &ModelDescription, width: u32, height: u32, curve: Curve) {
        self.curves.insert(key(device, detail, model, width, height), curve);
        let Some(path) = &self.path else { return };
        let write = || -> std::io::Result<()> {
            let text = serde_json::to_string_pretty(&self.curves).map_err(std::io::Error::other)?;
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let partial = path.with_extension("part");
            let mut file = fs::File::create(&partial)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(partial, path)
        };
        if let Err(error) = write() {
            tracing::warn!(%error, path = %path.display(), "the measured step times cannot be kept");
        }
    }
}

/// A new version of the program has new kernels, so it measures anew.
fn key(device: &str, detail: &str, model: &ModelDescription, width: u32, height: u32) -> String {
    let hash = model.hash.as_deref().unwrap_or("-");
    format!("{} | {device} | {detail} | {} {hash} | {width}x{height}", env!("CARGO_PKG_VERSION"), model.id)
}

/// Measures seconds of a step by rows; the model must be loaded. Rows come in pairs, as guided requests bring them, after a single one.
pub(crate) fn measure<B: DenoiseBackend>(
    backend: &mut B,
    model: &ModelDescription,
    width: u32,
    height: u32,
    clock: &dyn Clock,
) -> BackendResult<Option<Curve>> {
    let began = clock.now();
    let mut points: Vec<(u32, f64)> = Vec::new();
    let mut best = 0.0;
    for rows in [1, 2, 4, 8, 16, ROWS_MAX] {
        let seconds = match measure_rows(backend, model, width, height, rows, clock) {
            Ok(Some(seconds)) => seconds,
            Ok(None) => break,
            Err(easel_backend::BackendError::OutOfMemory(_)) if !points.is_empty() => break,
            Err(error) => return Err(error),
        };
        points.push((rows, seconds));
        let throughput = f64::from(rows) / seconds;
        let better = throughput >= WORTH * best;
        best = f64::max(best, throughput);
        if (!better && rows > 2) || clock.now().saturating_sub(began) > TIME_MAX {
            break;
        }
    }
    Ok(Curve::new(points))
}

fn measure_rows<B: DenoiseBackend>(
    backend: &mut B,
    model: &ModelDescription,
    width: u32,
    height: u32,
    rows: u32,
    clock: &dyn Clock,
) -> BackendResult<Option<f64>> {
    let branches = if rows == 1 || model.embeds_guidance { 1 } else { 2 };
    let Ok(table) = table(&model.sampler, &model.training, REPEATS as u32 + 1, None) else { return Ok(None) };
    let plan = Plan {
        model: model.id.clone(),
        prompt: "a picture".to_owned(),
        negative_prompt: None,
        loras: Vec::new(),
        controls: Vec::new(),
        noising: Noising::default(),
        handover: Handover::default(),
        clip_skip: None,
        task: Task::TextToImage,
        width,
        height,
        guidance_scale: f64::from(branches * 2 - 1),
        branches,
        guidance_rescale: 0.0,
        seed: 0,
        noise: NoiseKind::TorchCpu,
        convention: Convention::Diffusers,
        table: Arc::new(table),
    };
    let mut slots = Vec::new();
    let result = (|| {
        for _ in 0..rows.div_ceil(branches) {
            let slot = backend.admit(&plan)?;
            slots.push(slot);
            while backend.prepare(slot)? == Prepared::More {}
        }
        let mut fastest: Option<f64> = None;
        for index in 0..plan.table.rows.len() {
            let step: Vec<_> = slots.iter().map(|&slot| StepRow { slot, index }).collect();
            let before = clock.now();
            backend.step(&step)?;
            let seconds = clock.now().saturating_sub(before).as_secs_f64();
            if index > 0 {
                fastest = Some(fastest.map_or(seconds, |known| known.min(seconds)));
            }
        }
        Ok(fastest.filter(|seconds| *seconds > 0.0))
    })();
    slots.into_iter().for_each(|slot| backend.release(slot));
    result
}
