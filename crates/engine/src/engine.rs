//! The handle: submitting, models, status, the end.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use easel_backend::{BackendDescription, DenoiseBackend, ModelDescription, Result as BackendResult};
use easel_types::{GenerationRequest, ModelId};
use tokio::sync::watch;
use tracing::Span;

use crate::{
    EngineConfig, EngineError, Event, PlanError, RequestId, State, Status, SubmitError, Ticket,
    events::Mailbox,
    plan::plan,
    queue::{Queue, Refused},
    ticket::Job,
    worker,
};

/// What handles, tickets and the worker share. Locks are held for moments only and never across a backend call.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) queue: Queue,
    pub(crate) state: watch::Sender<State>,
    pub(crate) catalogue: Mutex<Catalogue>,
    pub(crate) active: AtomicUsize,
    /// Everything is to stop now, whatever its ticket says.
    pub(crate) stopping: AtomicBool,
    /// A running mean of the time one request takes, in microseconds; 0 before the first.
    pub(crate) request_us: AtomicU64,
    next_id: AtomicU64,
}

/// What the backend has said about itself.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) backend: Option<BackendDescription>,
    /// The default first.
    pub(crate) models: Vec<Arc<ModelDescription>>,
    pub(crate) failure: Option<String>,
}

impl Shared {
    pub(crate) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
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
                State::Loading | State::Ready => *now != state,
            };
            if allowed {
                *now = state;
            }
            allowed
        });
    }

    /// Nothing new is taken, and what waits fails with `error`.
    pub(crate) fn fail_waiting(&self, error: &EngineError) {
        self.queue.close();
        for job in self.queue.clear() {
            job.mailbox.push(Event::Failed(error.clone()));
        }
    }

    /// When a place in a full queue is likely to be free: the time of one request, in whole seconds.
    fn retry_after(&self) -> Duration {
        let seconds = self.request_us.load(Ordering::Relaxed).div_ceil(1_000_000);
        Duration::from_secs(seconds.clamp(1, 120))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("state", &self.state()).finish_non_exhaustive()
    }
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

fn stop(shared: &Shared) {
    shared.set_state(State::Draining);
    shared.stopping.store(true, Ordering::Release);
    shared.fail_waiting(&EngineError::shutting_down());
}

impl Engine {
    /// Starts the device's thread, which makes the backend and keeps it. Returns at once; [`Engine::ready`] waits.
    pub fn start<B, F>(backend_factory: F, config: EngineConfig) -> Self
    where
        B: DenoiseBackend + 'static,
        F: FnOnce() -> BackendResult<B> + Send + 'static,
    {
        let shared = Arc::new(Shared {
            queue: Queue::new(config.queue_max),
            config,
            state: watch::Sender::new(State::Loading),
            catalogue: Mutex::default(),
            active: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            request_us: AtomicU64::new(0),
            next_id: AtomicU64::new(1),
        });
        worker::spawn(backend_factory, Arc::clone(&shared));
        Self { _last: Arc::new(StopWhenDropped(Arc::clone(&shared))), shared }
    }

    /// Plans a request and puts it into the queue. The current tracing span goes with it.
    pub fn submit(&self, request: GenerationRequest) -> Result<Ticket, SubmitError> {
        match self.shared.state() {
            State::Loading => return Err(SubmitError::Loading),
            State::Draining | State::Stopped => return Err(SubmitError::ShuttingDown),
            State::Failed => return Err(SubmitError::Failed),
            State::Ready => {}
        }
        let model = self.find_model(request.model.as_ref())?;
        let config = &self.shared.config;
        let drawn_seed = if request.seed.is_some() { 0 } else { (config.seeds)() };
        let planned = plan(&request, &model, &config.limits, drawn_seed)?;
        let job = Job {
            id: RequestId(self.shared.next_id.fetch_add(1, Ordering::Relaxed)),
            planned,
            mailbox: Arc::new(Mailbox::default()),
            cancelled: Arc::default(),
            span: Span::current(),
        };
        let ticket = Ticket::new(&job, Arc::clone(&self.shared));
        match self.shared.queue.push(job) {
            Ok(()) => Ok(ticket),
            Err(Refused::Full(waiting)) => Err(SubmitError::QueueFull { waiting, retry_after: self.shared.retry_after() }),
            // Closed since the state was read: whichever way it went decides what the client hears.
            Err(Refused::Closed) if self.shared.state() == State::Failed => Err(SubmitError::Failed),
            Err(Refused::Closed) => Err(SubmitError::ShuttingDown),
        }
    }

    /// The models that can be asked for, the default first; empty until the backend is up.
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
        let catalogue = self.shared.catalogue();
        Status {
            state,
            failure: catalogue.failure.clone(),
            queued: self.shared.queue.len(),
            active: self.shared.active.load(Ordering::Relaxed),
            backend: catalogue.backend.clone(),
        }
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

    /// Takes nothing new and finishes what was accepted. [`Engine::stopped`] waits for the end.
    pub fn drain(&self) {
        self.shared.set_state(State::Draining);
        self.shared.queue.close();
    }

    /// Takes nothing new, fails what waits, and stops what is being drawn before its next step.
    pub fn stop(&self) {
        stop(&self.shared);
    }

    /// Waits until the device's thread has let go of the backend.
    pub async fn stopped(&self) {
        let mut state = self.watch();
        let _ = state.wait_for(|state| matches!(state, State::Stopped | State::Failed)).await;
    }
}
