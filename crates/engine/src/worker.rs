//! A device's thread: makes the backend, asks the scheduler what to do, does it, and survives what goes wrong.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use easel_backend::{BackendError, DenoiseBackend, ModelDescription, Result as BackendResult, StepRow};
use easel_types::Rgb8;

use crate::{
    EngineError, ErrorCode, Event, State,
    core::DeviceInfo,
    curves,
    engine::Shared,
    scheduler::{Action, Cost, PartKey, Report},
};

/// The longest that a thread sleeps when something is due at a known time: clocks of tests do not wake anybody.
pub(crate) const NAP: Duration = Duration::from_millis(50);

/// Starts a device's thread.
pub(crate) fn spawn<B, F>(number: usize, factory: F, shared: Arc<Shared>)
where
    B: DenoiseBackend + 'static,
    F: FnOnce() -> BackendResult<B> + Send + 'static,
{
    let main = Arc::clone(&shared);
    let spawned = thread::Builder::new().name(format!("easel-device-{number}")).spawn(move || {
        let brought_up = catch_unwind(AssertUnwindSafe(|| bring_up(factory, &main)));
        match brought_up {
            Ok(Ok((backend, device))) => Worker { backend, device, shared: main }.work(),
            Ok(Err(error)) => main.not_up(error.into()),
            Err(panic) => main.not_up(EngineError::panicked(panic_text(&*panic))),
        }
    });
    if let Err(error) = spawned {
        let message = "the engine's thread cannot be started";
        shared.not_up(EngineError::new(ErrorCode::DeviceFailed, message).with_detail(error.to_string()));
    }
}

/// The backend, with the models that are to be there from the start.
fn bring_up<B: DenoiseBackend>(factory: impl FnOnce() -> BackendResult<B>, shared: &Shared) -> BackendResult<(B, usize)> {
    let mut backend = factory()?;
    let config = &shared.config;
    let description = backend.describe();
    let mut models = Vec::new();
    for id in &description.models {
        match backend.describe_model(id) {
            Ok(model) => models.push(Arc::new(model)),
            Err(error) => tracing::warn!(model = %id, %error, "this model cannot be used and is left out"),
        }
    }
    if let Some(default) = &config.default_model {
        let at = models.iter().position(|model| model.id == *default);
        let at = at.ok_or_else(|| BackendError::UnknownModel(default.clone()))?;
        models[..=at].rotate_right(1);
    }
    // Models can be listed while the default one is still being loaded.
    {
        let mut catalogue = shared.catalogue();
        if catalogue.backend.is_none() {
            catalogue.backend = Some(description.clone());
            catalogue.models.clone_from(&models);
            catalogue.source = backend.source();
        }
    }
    let mut wanted: Vec<_> = models.iter().filter(|model| config.pinned.contains(&model.id)).cloned().collect();
    if let Some(missing) = config.pinned.iter().find(|id| wanted.iter().all(|model| model.id != **id)) {
        return Err(BackendError::UnknownModel(missing.clone()));
    }
    if config.preload
        && let Some(default) = models.first().filter(|first| wanted.iter().all(|model| model.id != first.id))
    {
        wanted.push(Arc::clone(default));
    }
    for model in &wanted {
        backend.load(&model.id)?;
    }
    let now = config.clock.now();
    let mut core = shared.core();
    // Nine tenths are for weights; pictures in the making take the rest.
    let memory = config.memory.or(description.memory.map(|bytes| bytes / 10 * 9));
    let device = core.scheduler.add_device(memory);
    let (name, detail) = (description.device.clone(), description.detail.clone());
    core.devices.push(DeviceInfo { name, detail, memory: backend.memory() });
    for model in &models {
        let number = core.model(model, config.pinned.contains(&model.id));
        if wanted.iter().any(|loaded| loaded.id == model.id) {
            core.scheduler.set_loaded(device, number, now);
        }
    }
    drop(core);
    tracing::info!(device = description.device, detail = description.detail, models = models.len(), "the device is ready");
    shared.set_state(State::Ready);
    // Requests are taken meanwhile; they wait for a moment. The default model comes first: most requests are for it.
    wanted.sort_by_key(|model| models.first().is_none_or(|default| default.id != model.id));
    for model in &wanted {
        let learnt = catch_unwind(AssertUnwindSafe(|| learn_steps(&mut backend, device, model, shared)));
        let lost = match learnt {
            Ok(Ok(())) => None,
            Ok(Err(BackendError::Device(reason))) => Some(reason),
            Ok(Err(error)) => {
                tracing::warn!(model = %model.id, %error, "step times cannot be measured; they are learnt from the first requests");
                None
            }
            Err(panic) => Some(panic_text(&*panic)),
        };
        if let Some(reason) = lost {
            let mut core = shared.core();
            core.scheduler.lose(device, &reason);
            core.hear(config.clock.now());
            drop(core);
            shared.lost(device, &reason);
            break;
        }
    }
    Ok((backend, device))
}

/// What a step of a loaded model takes on this device: from the file, or measured now.
fn learn_steps<B: DenoiseBackend>(
    backend: &mut B,
    device: usize,
    model: &ModelDescription,
    shared: &Shared,
) -> BackendResult<()> {
    let (width, height) = (model.width, model.height);
    let (name, detail) = {
        let core = shared.core();
        (core.devices[device].name.clone(), core.devices[device].detail.clone())
    };
    let mut known = shared.core().curves().get(&name, &detail, model, width, height);
    if known.is_none() && shared.config.measure {
        known = curves::measure(backend, model, width, height, &*shared.config.clock)?;
        if let Some(curve) = &known {
            tracing::info!(model = %model.id, knee = curve.knee(), ?curve, "step times measured");
            shared.core().curves().put(&name, &detail, model, width, height, curve.clone());
        }
    }
    if let Some(curve) = known {
        let mut core = shared.core();
        let group = core.group(model, width, height);
        core.scheduler.set_cost(device, group, Cost::measured(curve));
    }
    Ok(())
}

struct Worker<B> {
    backend: B,
    device: usize,
    shared: Arc<Shared>,
}

impl<B: DenoiseBackend> Worker<B> {
    fn work(mut self) {
        let clock = Arc::clone(&self.shared.config.clock);
        while let Some(action) = self.next() {
            let before = clock.now();
            let done = catch_unwind(AssertUnwindSafe(|| self.perform(&action)));
            let now = clock.now();
            let took = now.saturating_sub(before).as_secs_f64();
            let report = match done {
                Ok(report) => report,
                Err(panic) => {
                    let text = panic_text(&*panic);
                    tracing::error!(detail = text, action = ?kind(&action), "the backend panicked");
                    Some(Report::Panicked(action, text))
                }
            };
            if let Some(report) = report {
                let shared = Arc::clone(&self.shared);
                let mut core = shared.core();
                core.devices[self.device].memory = self.backend.memory();
                core.scheduler.report(self.device, report, took, now);
                let lost = core.hear(now);
                core.tell_places_sometimes(now);
                drop(core);
                shared.changed.notify_all();
                lost.into_iter().for_each(|(device, reason)| shared.lost(device, &reason));
            }
        }
        // Models go before the state says so: whoever waits for the end may exit the process at once.
        let resident: Vec<_> = {
            let core = self.shared.core();
            core.scheduler.resident(self.device).into_iter().map(|model| core.model_name(model).clone()).collect()
        };
        let given_back = catch_unwind(AssertUnwindSafe(|| {
            resident.iter().for_each(|model| self.backend.unload(model));
            drop(self.backend);
        }));
        if given_back.is_err() {
            tracing::error!("the backend panicked while it was taken down");
        }
        self.shared.left();
    }

    /// What to do, waiting for it; `None` at the end.
    fn next(&self) -> Option<Action> {
        let mut core = self.shared.core();
        loop {
            let now = self.shared.config.clock.now();
            let action = core.scheduler.next(self.device, now);
            // Time limits end requests without a report.
            core.hear(now);
            match action {
                Action::Exit => return None,
                Action::Wait(until) => {
                    let time = until.map(|until| until.saturating_sub(now).clamp(Duration::from_millis(1), NAP));
                    core = self.shared.wait(core, time);
                }
                action => return Some(action),
            }
        }
    }

    fn perform(&mut self, action: &Action) -> Option<Report> {
        match action {
            Action::Release(slots) => {
                slots.iter().for_each(|slot| self.backend.release(*slot));
                None
            }
            Action::Unload(model) => {
                let name = self.shared.core().model_name(*model).clone();
                self.backend.unload(&name);
                None
            }
            Action::Load(model) => {
                let name = self.shared.core().model_name(*model).clone();
                Some(Report::Loaded(*model, self.backend.load(&name)))
            }
            Action::Admit(part) => {
                let found =
                    self.shared.core().picture(*part).map(|(job, picture)| (Arc::clone(&job.planned), picture, job.span.clone()));
                // It was cancelled a moment ago: the scheduler has forgotten it.
                let (planned, picture, span) = found?;
                let _entered = span.enter();
                Some(Report::Admitted(*part, self.backend.admit(&planned.plans[picture])))
            }
            Action::Prepare(part, slot) => Some(Report::Prepared(*part, self.backend.prepare(*slot))),
            Action::Step(members) => {
                let rows: Vec<_> = members.iter().map(|m| StepRow { slot: m.slot, index: m.index as usize }).collect();
                Some(Report::Stepped(members.clone(), self.backend.step(&rows)))
            }
            Action::Preview(part, slot) => {
                match self.backend.preview(*slot) {
                    Ok(image) => self.tell_preview(*part, image),
                    // A preview is not worth a request.
                    Err(error) => tracing::debug!(%error, "no preview"),
                }
                Some(Report::Previewed(*part))
            }
            Action::Decode(part, slot) => {
                let result = self.backend.decode(*slot).map(|image| match image {
                    None => false,
                    Some(image) => {
                        self.shared.core().keep_picture(*part, image);
                        true
                    }
                });
                Some(Report::Decoded(*part, result))
            }
            Action::Wait(_) | Action::Exit => None,
        }
    }

    fn tell_preview(&self, part: PartKey, image: Rgb8) {
        if let Some((job, picture)) = self.shared.core().picture(part) {
            job.mailbox.push(Event::Preview { picture: picture as u32, image });
        }
    }
}

fn kind(action: &Action) -> &'static str {
    match action {
        Action::Release(_) => "release",
        Action::Unload(_) => "unload",
        Action::Load(_) => "load",
        Action::Admit(_) => "admit",
        Action::Prepare(..) => "prepare",
        Action::Step(_) => "step",
        Action::Preview(..) => "preview",
        Action::Decode(..) => "decode",
        Action::Wait(_) => "wait",
        Action::Exit => "exit",
    }
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_else(|| "no message".to_owned()))
}
