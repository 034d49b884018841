//! The device's thread: makes the backend, serves requests first come, first served, and survives what they do.
//!
//! A panic while serving one request fails that request; several in a row, or a lost device, fail the engine for good, because
//! a device that has gone wrong keeps going wrong and only a restart helps.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    thread,
};

use easel_backend::{BackendError, DenoiseBackend, Result as BackendResult};
use easel_types::ModelId;

use crate::{
    EngineError, ErrorCode, Event, State,
    engine::Shared,
    run::{Memory, Run, Stop, Turn},
    ticket::Job,
};

/// Starts the thread.
pub(crate) fn spawn<B, F>(factory: F, shared: Arc<Shared>)
where
    B: DenoiseBackend + 'static,
    F: FnOnce() -> BackendResult<B> + Send + 'static,
{
    let main = Arc::clone(&shared);
    let spawned = thread::Builder::new().name("easel-device".to_owned()).spawn(move || {
        match catch_unwind(AssertUnwindSafe(|| bring_up(factory, &main))) {
            Ok(Ok((backend, loaded))) => Worker { backend, shared: main, memory: Memory::default(), loaded, panics: 0 }.work(),
            Ok(Err(error)) => fail(&main, error.into()),
            Err(panic) => fail(&main, EngineError::panicked(panic_text(&*panic))),
        }
    });
    if let Err(error) = spawned {
        let message = "the engine's thread cannot be started";
        fail(&shared, EngineError::new(ErrorCode::DeviceFailed, message).with_detail(error.to_string()));
    }
}

/// The engine's end: nobody is taken or kept waiting any more.
fn fail(shared: &Shared, error: EngineError) {
    let detail = error.detail.clone().unwrap_or_else(|| error.message.clone());
    tracing::error!(code = %error.code, detail, "the engine has failed");
    shared.catalogue().failure = Some(detail);
    shared.set_state(State::Failed);
    shared.fail_waiting(&error);
}

/// The backend and the models on the device.
fn bring_up<B: DenoiseBackend>(factory: impl FnOnce() -> BackendResult<B>, shared: &Shared) -> BackendResult<(B, Vec<ModelId>)> {
    let mut backend = factory()?;
    let description = backend.describe();
    let mut models = Vec::new();
    for id in &description.models {
        match backend.describe_model(id) {
            Ok(model) => models.push(Arc::new(model)),
            Err(error) => tracing::warn!(model = %id, %error, "this model cannot be used and is left out"),
        }
    }
    if let Some(default) = &shared.config.default_model {
        let at = models.iter().position(|model| model.id == *default);
        let at = at.ok_or_else(|| BackendError::UnknownModel(default.clone()))?;
        models[..=at].rotate_right(1);
    }
    let mut loaded = Vec::new();
    if shared.config.preload
        && let Some(model) = models.first()
    {
        backend.load(&model.id)?;
        loaded.push(model.id.clone());
    }
    tracing::info!(device = description.device, detail = description.detail, models = models.len(), "the engine is ready");
    {
        let mut catalogue = shared.catalogue();
        catalogue.backend = Some(description);
        catalogue.models = models;
    }
    shared.set_state(State::Ready);
    Ok((backend, loaded))
}

struct Worker<B> {
    backend: B,
    shared: Arc<Shared>,
    memory: Memory,
    loaded: Vec<ModelId>,
    panics: u32,
}

impl<B: DenoiseBackend> Worker<B> {
    fn work(mut self) {
        while let Some(job) = self.shared.queue.pop() {
            self.shared.active.store(1, Ordering::Relaxed);
            let fatal = self.serve(job);
            self.shared.active.store(0, Ordering::Relaxed);
            if let Some(error) = fatal {
                return fail(&self.shared, error);
            }
        }
        // Models go before the state says so: whoever waits for the end may exit the process at once.
        for model in std::mem::take(&mut self.loaded) {
            self.backend.unload(&model);
        }
        self.shared.set_state(State::Stopped);
    }

    /// Serves one request to its end; an error is the engine's own.
    fn serve(&mut self, job: Job) -> Option<EngineError> {
        let span = job.span.clone();
        let _entered = span.enter();
        let started = self.shared.config.clock.now();
        job.mailbox.push(Event::Started);
        let mut run = Run::new(job);
        let drawn = catch_unwind(AssertUnwindSafe(|| self.draw(&mut run)));
        let released = catch_unwind(AssertUnwindSafe(|| run.release(&mut self.backend)));
        let drawn = if let Err(panic) = released { Err(panic) } else { drawn };
        let seconds = (self.shared.config.clock.now().saturating_sub(started)).as_secs_f64();
        match drawn {
            Ok(Ok(())) => {
                self.panics = 0;
                self.remember_time(seconds);
                let (job, pictures) = run.into_pictures();
                tracing::info!(request = %job.id, pictures = pictures.len(), seconds, "finished");
                job.mailbox.push(Event::Finished(pictures));
                None
            }
            Ok(Err(stop)) => self.stopped(run.job(), stop, seconds),
            Err(panic) => {
                self.panics += 1;
                let error = EngineError::panicked(panic_text(&*panic));
                tracing::error!(request = %run.job().id, detail = error.detail, in_a_row = self.panics, "the backend panicked");
                run.job().mailbox.push(Event::Failed(error.clone()));
                (self.panics >= self.shared.config.panics_max).then_some(error)
            }
        }
    }

    fn stopped(&self, job: &Job, stop: Stop, seconds: f64) -> Option<EngineError> {
        match stop {
            Stop::Cancelled if job.is_cancelled() => {
                tracing::info!(request = %job.id, seconds, "cancelled");
                job.mailbox.push(Event::Cancelled);
                None
            }
            Stop::Cancelled => {
                job.mailbox.push(Event::Failed(EngineError::shutting_down()));
                None
            }
            Stop::Failed(error) => {
                let lost = matches!(error, BackendError::Device(_));
                let error = EngineError::from(error);
                tracing::warn!(request = %job.id, code = %error.code, detail = error.detail, seconds, "failed");
                job.mailbox.push(Event::Failed(error.clone()));
                lost.then_some(error)
            }
        }
    }

    fn draw(&mut self, run: &mut Run) -> Result<(), Stop> {
        if let Some(model) = run.model().cloned() {
            self.load(&model)?;
        }
        let shared = Arc::clone(&self.shared);
        let stopping = || shared.stopping.load(Ordering::Acquire);
        loop {
            let mut turn = Turn {
                backend: &mut self.backend,
                memory: &mut self.memory,
                stopping: &stopping,
                batch_max: shared.config.batch_max,
                now: shared.config.clock.now(),
            };
            let done = run.turn(&mut turn)?;
            run.tell_steps(shared.config.clock.now());
            if done {
                return Ok(());
            }
        }
    }

    /// Makes sure a model is on the device, at the cost of the others if memory is short.
    fn load(&mut self, model: &ModelId) -> Result<(), BackendError> {
        match self.backend.load(model) {
            Err(BackendError::OutOfMemory(_)) if self.loaded.iter().any(|other| other != model) => {
                for other in self.loaded.drain(..).filter(|other| other != model) {
                    tracing::info!(model = %other, "unloaded to make room");
                    self.backend.unload(&other);
                }
                self.backend.load(model)?;
            }
            loaded => loaded?,
        }
        if !self.loaded.contains(model) {
            self.loaded.push(model.clone());
        }
        Ok(())
    }

    /// Half the old mean, half the new time: enough to tell clients when to come back.
    fn remember_time(&self, seconds: f64) {
        let now = (seconds * 1e6) as u64;
        let old = self.shared.request_us.load(Ordering::Relaxed);
        self.shared.request_us.store(if old == 0 { now } else { old / 2 + now / 2 }, Ordering::Relaxed);
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_else(|| "no message".to_owned()))
}
