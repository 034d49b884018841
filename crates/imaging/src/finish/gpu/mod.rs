//! The graphics card's path: wgpu compute, in bands of rows.
//!
//! One picture at a time holds the card, so that memory stays within a band's buffers. Whatever goes wrong (a lost device, a driver's
//! error, a card that does not answer) hands the picture back to the processor; out of memory does so for that picture, everything else
//! for good.

mod band;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use wgpu::{Adapter, Device, DeviceType, ErrorFilter, Instance, InstanceDescriptor, PowerPreference, Queue};

use super::plan::Plan;
use band::{Bands, Pipelines};

/// A band takes milliseconds; a card that is busy drawing may take a while.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Gpu {
    name: String,
    device: Device,
    queue: Queue,
    pipelines: Pipelines,
    turn: Mutex<()>,
    /// Why it is no longer used. The driver's callback writes it too.
    failure: Arc<Mutex<Option<String>>>,
}

/// Why a picture went back to the processor.
enum Trouble {
    OutOfMemory,
    Failed(String),
}

impl Gpu {
    /// The fastest adapter; why there is none otherwise.
    pub fn open(software: bool) -> Result<Self, String> {
        let instance = Instance::new(InstanceDescriptor::new_without_display_handle());
        let adapter = choose(&instance, software)?;
        let info = adapter.get_info();
        let wanted = wgpu::DeviceDescriptor { label: Some("easel finish"), ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&wanted))
            .map_err(|error| format!("{} cannot be opened: {error}", info.name))?;
        let failure = Arc::new(Mutex::new(None));
        let lost = failure.clone();
        device.set_device_lost_callback(move |reason, _| {
            // Also called, with `Destroyed`, when the device is dropped in peace.
            let _ = lock(&lost).get_or_insert_with(|| format!("the graphics card was lost: {reason:?}"));
        });
        let unexpected = failure.clone();
        // wgpu's own handler panics.
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let _ = lock(&unexpected).get_or_insert_with(|| error.to_string());
        }));
        let (pipelines, trouble) = guarded(&device, || Pipelines::new(&device));
        if let Some(Trouble::Failed(reason)) = trouble {
            return Err(format!("{} refuses the shaders: {reason}", info.name));
        }
        let name = format!("{} ({})", info.name, info.backend);
        Ok(Self { name, device, queue, pipelines, turn: Mutex::new(()), failure })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }

    /// The finished bytes; `None` where the processor has to do it.
    pub fn run(&self, source: &[u8], plan: &Plan<'_>) -> Option<Vec<u8>> {
        let _turn = lock(&self.turn);
        if self.failure().is_some() {
            return None;
        }
        let bands = Bands::new(plan, &self.device.limits())?;
        let (result, trouble) =
            guarded(&self.device, || bands.run(&self.device, &self.queue, &self.pipelines, source, ANSWER_LIMIT));
        match (result, trouble) {
            (Ok(pixels), None) => Some(pixels),
            (_, Some(Trouble::OutOfMemory)) => None,
            (Err(reason), None) | (_, Some(Trouble::Failed(reason))) => {
                let _ = lock(&self.failure).get_or_insert(reason);
                None
            }
        }
    }
}

fn choose(instance: &Instance, software: bool) -> Result<Adapter, String> {
    let wanted = wgpu::RequestAdapterOptions { power_preference: PowerPreference::HighPerformance, ..Default::default() };
    let adapter =
        pollster::block_on(instance.request_adapter(&wanted)).map_err(|_| "no graphics adapter was found".to_owned())?;
    let info = adapter.get_info();
    if info.device_type == DeviceType::Cpu && !software {
        return Err(format!("the only graphics adapter, {}, is software", info.name));
    }
    Ok(adapter)
}

/// Runs `work` and collects the errors that wgpu would otherwise report elsewhere.
fn guarded<T>(device: &Device, work: impl FnOnce() -> T) -> (T, Option<Trouble>) {
    let internal = device.push_error_scope(ErrorFilter::Internal);
    let invalid = device.push_error_scope(ErrorFilter::Validation);
    let memory = device.push_error_scope(ErrorFilter::OutOfMemory);
    let result = work();
    let memory = pollster::block_on(memory.pop());
    let failed = [invalid, internal].map(|scope| pollster::block_on(scope.pop())).into_iter().flatten().next();
    let trouble = match (memory, failed) {
        (Some(_), _) => Some(Trouble::OutOfMemory),
        (None, Some(error)) => Some(Trouble::Failed(error.to_string())),
        (None, None) => None,
    };
    (result, trouble)
}

/// A panic elsewhere leaves nothing half done behind these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
