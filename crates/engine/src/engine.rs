//! The handle: submitting, models, status, the end.

use std::{
    fmt,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use easel_backend::{BackendDescription, DenoiseBackend, ModelDescription, ModelSource, Result as BackendResult};
use easel_types::{GenerationRequest, ModelId};
use tokio::sync::watch;
use tracing::Span;

use crate::{
    EngineConfig, EngineError, PlanError, State, Status, SubmitError, Ticket,
    core::Core,
    curves::CurveFile,
    foreteller,
    looks::Looks,
    metrics::Metrics,
    plan::plan,
    scheduler::{Cost, Failure, Refused, Scheduler},
    worker,
};

/// What handles, tickets and the devices' threads share. Locks are held for moments only and never across a backend call.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    core: Mutex<Core>,
    /// Something was submitted, cancelled, or has ended.
    pub(crate) changed: Condvar,
    state: watch::Sender<State>,
    catalogue: Mutex<Catalogue>,
    pub(crate) looks: Looks,
    metrics: Arc<Metrics>,
    /// Device threads that have not ended.
    threads: AtomicUsize,
}

/// What the backends have said about themselves.
#[derive(Default)]
pub(crate) struct Catalogue {
    pub(crate) backend: Option<BackendDescription>,
    /// The default first.
    pub(crate) models: Vec<Arc<ModelDescription>>,
    /// Who tells of models that are installed later.
    pub(crate) source: Option<Arc<dyn ModelSource>>,
    pub(crate) failure: Option<String>,
}

impl Shared {
    pub(crate) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the core until something has changed, or until the time is over.
    pub(crate) fn wait<'a>(&self, core: MutexGuard<'a, Core>, time: Option<Duration>) -> MutexGuard<'a, Core> {
        match time {
            None => self.changed.wait(core).unwrap_or_else(PoisonError::into_inner),
            Some(time) => self.changed.wait_timeout(core, time).unwrap_or_else(PoisonError::into_inner).0,
        }
    }

    pub(crate) fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Failing and having stopped are final; draining can only be followed by these.
    pub(crate) fn set_state(&self, state: State) {
        self.state.send_if_modified(|now| {
            let allowed = match *now {
                State::Failed | State::Stopped => false,
                State::Draining => matches!(state, State::Failed | State::Stopped),
                State::Loading | State::Ready => *now != state && state != State::Loading,
            };
            if allowed {
                *now = state;
            }
            allowed
        });
        // Whoever looked just before waits by now, or looks again.
        drop(self.core());
        self.changed.notify_all();
    }

    /// A device's thread could not bring its backend up.
    pub(crate) fn not_up(&self, error: EngineError) {
        let detail = error.detail.clone().unwrap_or_else(|| error.message.clone());
        tracing::error!(code = %error.code, detail, "a device cannot be used");
        self.catalogue().failure.get_or_insert_with(|| detail.clone());
        let hopeless = {
            let mut core = self.core();
            core.scheduler.give_up_device(&detail);
            core.hear(self.config.clock.now());
            !core.scheduler.has_future()
        };
        // One that failed while it was to stop anyway has stopped.
        if hopeless && self.state() != State::Draining {
            self.set_state(State::Failed);
        }
        self.left();
    }

    /// A device cannot be used any more. The last one takes the engine with it, unless another is being brought up: only a restart helps.
    pub(crate) fn lost(&self, device: usize, reason: &str) {
        let (name, up, hopeless) = {
            let core = self.core();
            (core.devices[device].name.clone(), core.scheduler.devices_up(), !core.scheduler.has_future())
        };
        tracing::error!(device = name, reason, devices_left = up, "a device was lost; restart the server to get it back");
        self.catalogue().failure = Some(format!("{name}: {reason}"));
        if hopeless {
            self.set_state(State::Failed);
        }
    }

    /// A device's thread has ended.
    pub(crate) fn left(&self) {
        if self.threads.fetch_sub(1, Ordering::AcqRel) == 1 && self.state() == State::Draining {
            self.set_state(State::Stopped);
        }
    }

    pub(crate) fn cancel(&self, key: crate::scheduler::RequestKey) {
        let mut core = self.core();
        if core.scheduler.cancel(key) {
            core.hear(self.config.clock.now());
        }
        drop(core);
        self.changed.notify_all();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// The terms a request is served on: who pays, how urgent, for how long.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Terms {
    /// Whose it is; everyone's share of a busy device is limited. Requests of nobody are not held to a share.
    pub user: Option<String>,
    /// The plan's priority, higher first.
    pub priority: i32,
    /// When it is to be given up, counted from submission.
    pub time_limit: Option<Duration>,
    /// A preview after every so many evaluations; 0 for none.
    pub preview_every: u32,
}

/// A handle to an engine. Clones are handles to the same one; when the last is dropped, the engine stops.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    _last: Arc<StopWhenDropped>,
}

#[derive(Debug)]
struct StopWhenDropped(Arc<Shared>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        stop(&self.0);
    }
}

fn drain(shared: &Shared) {
    shared.set_state(State::Draining);
    let mut core = shared.core();
    core.scheduler.drain();
    drop(core);
    shared.changed.notify_all();
    if shared.threads.load(Ordering::Acquire) == 0 {
        shared.set_state(State::Stopped);
    }
}

fn stop(shared: &Shared) {
    drain(shared);
    shared.core().fail_all(&Failure::ShuttingDown, shared.config.clock.now());
    shared.changed.notify_all();
}

/// Makes a device's backend, on the thread that will own it.
pub type Factory<B> = Box<dyn FnOnce() -> BackendResult<B> + Send>;

impl Engine {
    /// Starts an engine with one device. Returns at once; [`Engine::ready`] waits.
    pub fn start<B, F>(factory: F, config: EngineConfig) -> Self
    where
        B: DenoiseBackend + 'static,
        F: FnOnce() -> BackendResult<B> + Send + 'static,
    {
        Self::start_on(vec![Box::new(factory) as Factory<B>], config)
    }

    /// Starts a thread for each device, which makes its backend and keeps it. All devices have the same models. Returns at once;
    /// [`Engine::ready`] waits for the first.
    pub fn start_on<B: DenoiseBackend + 'static>(factories: Vec<Factory<B>>, config: EngineConfig) -> Self {
        let metrics = Arc::new(Metrics::new());
        let curves = CurveFile::open(config.curves.clone());
        let mut scheduler = Scheduler::new(config.rules.clone());
        scheduler.expect_devices(factories.len());
        let shared = Arc::new(Shared {
            core: Mutex::new(Core::new(scheduler, Arc::clone(&metrics), curves)),
            changed: Condvar::new(),
            config,
            state: watch::Sender::new(if factories.is_empty() { State::Failed } else { State::Loading }),
            catalogue: Mutex::default(),
            looks: Looks::default(),
            metrics,
            threads: AtomicUsize::new(factories.len()),
        });
        for (number, factory) in factories.into_iter().enumerate() {
            worker::spawn(number, factory, Arc::clone(&shared));
        }
        foreteller::spawn(Arc::clone(&shared));
        Self { _last: Arc::new(StopWhenDropped(Arc::clone(&shared))), shared }
    }

    /// [`Engine::submit_on`] with nobody's usual terms.
    pub fn submit(&self, request: GenerationRequest) -> Result<Ticket, SubmitError> {
        self.submit_on(request, &Terms::default())
    }

    /// Plans a request and puts it into the queue. The current tracing span goes with it.
    pub fn submit_on(&self, request: GenerationRequest, terms: &Terms) -> Result<Ticket, SubmitError> {
        let result = self.try_submit(&request, terms);
        if let Err(error) = &result {
            self.shared.metrics.refused(error.code());
        }
        result
    }

    fn try_submit(&self, request: &GenerationRequest, terms: &Terms) -> Result<Ticket, SubmitError> {
        match self.shared.state() {
            State::Loading => return Err(SubmitError::Loading),
            State::Draining | State::Stopped => return Err(SubmitError::ShuttingDown),
            State::Failed => return Err(SubmitError::Failed),
            State::Ready => {}
        }
        let model = self.find_model(request.model.as_ref())?;
        let config = &self.shared.config;
        let drawn_seed = if request.seed.is_some() { 0 } else { (config.seeds)() };
        let planned = plan(request, &model, &config.limits, drawn_seed)?;
        let mut core = self.shared.core();
        let submitted = core.submit(planned, &model, terms, Span::current(), config.clock.now());
        drop(core);
        self.shared.changed.notify_all();
        match submitted {
            Ok((key, mailbox, planned)) => Ok(Ticket::new(key, mailbox, planned, Arc::clone(&self.shared))),
            Err(Refused::Full { waiting, retry_after }) => Err(SubmitError::QueueFull { waiting, retry_after }),
            Err(Refused::UserLimit { unfinished, retry_after }) => Err(SubmitError::UserLimit { unfinished, retry_after }),
            Err(Refused::Draining) => Err(SubmitError::ShuttingDown),
            // Every device that is there is lost, but another is on its way.
            Err(Refused::NoDevice) if self.shared.core().scheduler.has_future() => Err(SubmitError::Loading),
            Err(Refused::NoDevice) => Err(SubmitError::Failed),
            Err(Refused::BrokenModel(error)) => Err(SubmitError::Model(error.into())),
        }
    }

    /// The models that can be asked for, the default first; empty until a backend is up.
    pub fn models(&self) -> Vec<Arc<ModelDescription>> {
        self.shared.catalogue().models.clone()
    }

    /// A model by its exact name; `None` names the default.
    pub fn find_model(&self, id: Option<&ModelId>) -> Result<Arc<ModelDescription>, SubmitError> {
        let catalogue = self.shared.catalogue();
        let found = match id {
            None => catalogue.models.first(),
            Some(id) => catalogue.models.iter().find(|model| model.id == *id),
        };
        found.cloned().ok_or_else(|| SubmitError::UnknownModel(id.cloned().unwrap_or_else(|| "default".into())))
    }

    /// Looks for models that were installed or removed since, without waiting for a device. Folders are listed, only what is new is read,
    /// and whoever calls meanwhile shares one more look.
    pub async fn refresh_models(&self) {
        self.shared.looks.look(&self.shared).await;
    }

    /// The limits requests are held to.
    pub fn limits(&self) -> &crate::Limits {
        &self.shared.config.limits
    }

    /// The size a request's pictures would have; a start picture and its mask are resized to it before they are submitted.
    pub fn output_size(&self, request: &GenerationRequest) -> Result<(u32, u32), SubmitError> {
        let model = self.find_model(request.model.as_ref())?;
        crate::output_size(request, &model, self.limits()).map_err(|error: PlanError| error.into())
    }

    /// How the engine is.
    pub fn status(&self) -> Status {
        let state = self.shared.state();
        let core = self.shared.core();
        let (queued, active, up) = (core.scheduler.waiting(), core.scheduler.active(), core.scheduler.devices_up());
        let (lost, backlog) = (core.devices.len() - up, core.scheduler.backlog());
        drop(core);
        let catalogue = self.shared.catalogue();
        Status {
            state,
            failure: catalogue.failure.clone(),
            queued,
            active,
            backlog: Duration::try_from_secs_f64(backlog).unwrap_or_default(),
            devices_lost: lost,
            backend: catalogue.backend.clone(),
        }
    }

    /// What is known of the times of a shape on the first device, and the rows beyond which more are no faster.
    pub fn cost(&self, model: &ModelDescription, width: u32, height: u32) -> (Cost, u32) {
        let mut core = self.shared.core();
        let group = core.group(model, width, height);
        (core.scheduler.cost(0, group).clone(), core.scheduler.knee(0, group))
    }

    /// Everything under the lock.
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.shared.core()
    }

    /// Something has changed: devices look for something to do.
    pub(crate) fn changed(&self) {
        self.shared.changed.notify_all();
    }

    /// The time, as the engine counts it.
    pub(crate) fn now(&self) -> Duration {
        self.shared.config.clock.now()
    }

    /// The engine's metrics in Prometheus' text format.
    pub fn metrics(&self) -> String {
        self.shared.metrics.text(&self.shared.core())
    }

    /// The state and its changes; a server watches it to leave when the device is lost.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// Waits until requests are taken; the error is why they never will be.
    pub async fn ready(&self) -> Result<(), SubmitError> {
        let mut state = self.watch();
        // The sender lives in `shared`, which `self` holds: waiting cannot fail.
        let reached = state.wait_for(|state| *state != State::Loading).await.map(|state| *state);
        match reached {
            Ok(State::Ready | State::Loading) => Ok(()),
            Ok(State::Draining | State::Stopped) | Err(_) => Err(SubmitError::ShuttingDown),
            Ok(State::Failed) => Err(SubmitError::Failed),
        }
    }

    /// Begins nothing and continues nothing until it is called again with `false`; requests are still taken.
    pub fn pause(&self, paused: bool) {
        self.shared.core().scheduler.pause(paused);
        self.shared.changed.notify_all();
    }

    /// Takes nothing new and finishes what was accepted. [`Engine::stopped`] waits for the end.
    pub fn drain(&self) {
        drain(&self.shared);
    }

    /// Takes nothing new, fails what waits, and stops what is being drawn before its next step.
    pub fn stop(&self) {
        stop(&self.shared);
    }

    /// Waits until the devices' threads have let go of their backends.
    pub async fn stopped(&self) {
        let mut state = self.watch();
        let _ = state.wait_for(|state| matches!(state, State::Stopped | State::Failed)).await;
    }
}
