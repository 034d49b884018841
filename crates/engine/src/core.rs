//! The scheduler with the names, requests and mailboxes around it: what handles, tickets and the devices' threads share under one lock.
//!
//! The lock is held for moments only and never across a backend call.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use easel_backend::{MemoryUse, ModelDescription, Plan};
use easel_types::{ModelId, Rgb8};
use tracing::Span;

use crate::{
    EngineError, Event, Picture, Planned, RequestId, Terms,
    curves::CurveFile,
    events::Mailbox,
    metrics::Metrics,
    scheduler::{Cost, Effect, Failure, Group, Model, PartKey, Refused, RequestKey, Scheduler, Submission},
};

/// Positions are told anew at most this often.
const PLACES_EVERY: Duration = Duration::from_millis(500);
/// With more waiting requests a new one's place is told with the next round.
pub(crate) const PLACES_AT_ONCE: usize = 256;

/// A model and a shape, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub model: ModelId,
    pub width: u32,
    pub height: u32,
}

/// An accepted request.
pub(crate) struct Job {
    pub id: RequestId,
    pub planned: Arc<Planned>,
    pub mailbox: Arc<Mailbox>,
    /// The submitter's span, entered where the request is worked on, so that a trace survives the hop.
    pub span: Span,
    pictures: Vec<Option<Rgb8>>,
    submitted: Duration,
    started: Option<Duration>,
    /// Steps done over all pictures, and the mean that was told last.
    steps: u32,
    told: u32,
}

/// A device's name and what it was seen to use last.
pub(crate) struct DeviceInfo {
    pub name: String,
    pub detail: String,
    pub memory: MemoryUse,
}

/// Everything under the lock.
pub(crate) struct Core {
    pub scheduler: Scheduler,
    pub devices: Vec<DeviceInfo>,
    jobs: HashMap<RequestKey, Job>,
    models: HashMap<ModelId, Model>,
    model_names: Vec<ModelId>,
    groups: HashMap<Shape, Group>,
    shapes: Vec<Shape>,
    places_told: Duration,
    metrics: Arc<Metrics>,
    curves: CurveFile,
}

impl Core {
    pub fn new(scheduler: Scheduler, metrics: Arc<Metrics>, curves: CurveFile) -> Self {
        Self {
            scheduler,
            devices: Vec::new(),
            jobs: HashMap::new(),
            models: HashMap::new(),
            model_names: Vec::new(),
            groups: HashMap::new(),
            shapes: Vec::new(),
            places_told: Duration::ZERO,
            metrics,
            curves,
        }
    }

    /// The model's number; it is made known to the scheduler the first time.
    pub fn model(&mut self, description: &ModelDescription, pinned: bool) -> Model {
        if let Some(known) = self.models.get(&description.id) {
            return *known;
        }
        // A gigabyte a second, until it has been measured.
        let load = 0.1 + description.weight_bytes as f64 / 1e9;
        let model = self.scheduler.add_model(description.weight_bytes, load, pinned);
        self.models.insert(description.id.clone(), model);
        self.model_names.push(description.id.clone());
        model
    }

    pub fn model_name(&self, model: Model) -> &ModelId {
        &self.model_names[model.0 as usize]
    }

    /// The shape's number; what the file knows of its costs is passed on the first time.
    pub fn group(&mut self, description: &ModelDescription, width: u32, height: u32) -> Group {
        let shape = Shape { model: description.id.clone(), width, height };
        if let Some(known) = self.groups.get(&shape) {
            return *known;
        }
        let model = self.model(description, false);
        let group = self.scheduler.add_group(model, width, height);
        for (device, info) in self.devices.iter().enumerate() {
            if let Some(curve) = self.curves.get(&info.name, &info.detail, description, width, height) {
                self.scheduler.set_cost(device, group, Cost::measured(curve));
            }
        }
        self.groups.insert(shape.clone(), group);
        self.shapes.push(shape);
        group
    }

    pub fn curves(&mut self) -> &mut CurveFile {
        &mut self.curves
    }

    pub fn submit(
        &mut self,
        planned: Planned,
        model: &ModelDescription,
        terms: &Terms,
        span: Span,
        now: Duration,
    ) -> Result<(RequestKey, Arc<Mailbox>, Arc<Planned>), Refused> {
        let first = &planned.plans[0];
        let submission = Submission {
            group: self.group(model, first.width, first.height),
            pictures: planned.plans.len() as u32,
            branches: first.branches,
            evaluations: first.table.rows.len() as u32,
            single: single(first),
            user: terms.user.as_deref().map(hash),
            priority: terms.priority,
            time_limit: terms.time_limit,
            preview_every: terms.preview_every,
            alike: hash(&alike(&planned)),
        };
        let key = self.scheduler.submit(&submission, now)?;
        let mailbox = Arc::<Mailbox>::default();
        let planned = Arc::new(planned);
        let job = Job {
            id: RequestId::of(key),
            planned: Arc::clone(&planned),
            mailbox: Arc::clone(&mailbox),
            span,
            pictures: vec![None; submission.pictures as usize],
            submitted: now,
            started: None,
            steps: 0,
            told: 0,
        };
        self.jobs.insert(key, job);
        self.metrics.submitted.inc();
        self.first_place(key, &mailbox, now);
        Ok((key, mailbox, planned))
    }

    fn first_place(&mut self, key: RequestKey, mailbox: &Mailbox, now: Duration) {
        let waiting = self.scheduler.waiting();
        let place = match waiting <= PLACES_AT_ONCE {
            true => self.scheduler.places(now).into_iter().find(|place| place.request == key),
            false => None,
        };
        let (position, left) = place.map_or((waiting - 1, self.scheduler.backlog()), |place| (place.position, place.left));
        mailbox.push(Event::Queued { position, left });
    }

    /// Tells everyone who waits where they stand, now and then.
    pub fn tell_places_sometimes(&mut self, now: Duration) {
        if now >= self.places_told + PLACES_EVERY {
            self.tell_places(now);
        }
    }

    /// Tells everyone who waits where they stand, if that is quickly done.
    pub fn tell_places_if_few(&mut self, now: Duration) {
        if self.scheduler.waiting() <= PLACES_AT_ONCE {
            self.tell_places(now);
        }
    }

    fn tell_places(&mut self, now: Duration) {
        self.places_told = now;
        if self.scheduler.waiting() == 0 {
            return;
        }
        for place in self.scheduler.places(now) {
            if let Some(job) = self.jobs.get(&place.request) {
                job.mailbox.push(Event::Queued { position: place.position, left: place.left });
            }
        }
    }

    /// The job and number of a picture that has not ended.
    pub fn picture(&self, part: PartKey) -> Option<(&Job, usize)> {
        let (request, picture) = self.scheduler.picture(part)?;
        Some((self.jobs.get(&request)?, picture as usize))
    }

    pub fn keep_picture(&mut self, part: PartKey, image: Rgb8) {
        let Some((request, picture)) = self.scheduler.picture(part) else { return };
        if let Some(job) = self.jobs.get_mut(&request) {
            job.pictures[picture as usize] = Some(image);
        }
    }

    /// Passes on what the scheduler has to say; the devices that were lost.
    pub fn hear(&mut self, now: Duration) -> Vec<(usize, String)> {
        let mut lost = Vec::new();
        let effects = self.scheduler.take_effects();
        let moved = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Started(_) | Effect::Finished(_) | Effect::Failed(..) | Effect::Cancelled(_)));
        for effect in effects {
            match effect {
                Effect::Started(key) => self.started(key, now),
                Effect::Evaluated { request, picture, done, left } => self.evaluated(request, picture, done, left, now),
                Effect::Decoded { request, .. } => self.decoded(request),
                Effect::Finished(key) => self.finished(key, now),
                Effect::Failed(key, failure) => self.failed(key, failure.into(), now),
                Effect::Cancelled(key) => self.cancelled(key, now),
                Effect::Restarted(key) => {
                    if let Some(job) = self.jobs.get_mut(&key) {
                        (job.steps, job.told) = (0, 0);
                        tracing::warn!(request = %job.id, "started again on another device");
                        job.mailbox.push(Event::Queued { position: 0, left: self.scheduler.backlog() });
                    }
                }
                Effect::Batch { device, group, pictures, rows, seconds, stopped } => {
                    let shape = &self.shapes[group.0 as usize];
                    self.metrics.batch(&self.devices[device].name, shape, pictures, rows, seconds, stopped);
                }
                Effect::Loaded { device, model, seconds } => {
                    let name = &self.model_names[model.0 as usize];
                    tracing::info!(model = %name, device = self.devices[device].name, seconds, "model loaded");
                    self.metrics.loaded(name, seconds);
                }
                Effect::Evicted { device, model } => {
                    let name = &self.model_names[model.0 as usize];
                    tracing::info!(model = %name, device = self.devices[device].name, "model put out to make room");
                    self.metrics.evicted(name);
                }
                Effect::Lost(device, reason) => lost.push((device, reason)),
            }
        }
        if moved {
            self.tell_places_if_few(now);
        }
        lost
    }

    fn started(&mut self, key: RequestKey, now: Duration) {
        if let Some(job) = self.jobs.get_mut(&key) {
            job.started = Some(now);
            self.metrics.waited(now.saturating_sub(job.submitted));
            job.mailbox.push(Event::Started);
        }
    }

    /// Told at most once for each step of the pictures' mean.
    fn evaluated(&mut self, key: RequestKey, picture: u32, done: u32, left: f64, now: Duration) {
        let Some(job) = self.jobs.get_mut(&key) else { return };
        let rows = &job.planned.plans[picture as usize].table.rows;
        // Samplers with two evaluations a step repeat its number: only the last of them counts.
        let ended = rows[done as usize - 1].step;
        if rows.get(done as usize).is_some_and(|next| next.step == ended) {
            return;
        }
        job.steps += 1;
        let index = job.steps / job.planned.plans.len() as u32;
        if index == job.told {
            return;
        }
        job.told = index;
        let seconds = now.saturating_sub(job.started.unwrap_or(now)).as_secs_f64();
        let rate = if seconds > 0.0 { f64::from(job.steps) / seconds } else { 0.0 };
        let total = job.planned.plans[0].table.steps();
        job.mailbox.push(Event::Step { index, total, rate, left });
    }

    fn decoded(&mut self, key: RequestKey) {
        if let Some(job) = self.jobs.get(&key) {
            let there = job.pictures.iter().filter(|picture| picture.is_some()).count();
            job.mailbox.push(Event::Decoded { index: there as u32, total: job.pictures.len() as u32 });
        }
    }

    fn finished(&mut self, key: RequestKey, now: Duration) {
        let Some(job) = self.jobs.remove(&key) else { return };
        let seconds = now.saturating_sub(job.submitted).as_secs_f64();
        let made = job.pictures.into_iter().flatten().zip(&job.planned.resolved).zip(0..);
        let pictures: Vec<_> = made.map(|((image, r), index)| Picture { index, image, resolved: r.clone() }).collect();
        job.span.in_scope(|| tracing::info!(request = %job.id, pictures = pictures.len(), seconds, "finished"));
        self.metrics.ended("finished", "", seconds);
        job.mailbox.push(Event::Finished(pictures));
    }

    fn failed(&mut self, key: RequestKey, error: EngineError, now: Duration) {
        let Some(job) = self.jobs.remove(&key) else { return };
        let seconds = now.saturating_sub(job.submitted).as_secs_f64();
        job.span.in_scope(|| {
            tracing::warn!(request = %job.id, code = %error.code, detail = error.detail, seconds, "failed");
        });
        self.metrics.ended("failed", error.code.as_str(), seconds);
        job.mailbox.push(Event::Failed(error));
    }

    fn cancelled(&mut self, key: RequestKey, now: Duration) {
        let Some(job) = self.jobs.remove(&key) else { return };
        let seconds = now.saturating_sub(job.submitted).as_secs_f64();
        job.span.in_scope(|| tracing::info!(request = %job.id, seconds, "cancelled"));
        self.metrics.ended("cancelled", "", seconds);
        job.mailbox.push(Event::Cancelled);
    }

    /// Ends everything with one failure.
    pub fn fail_all(&mut self, failure: &Failure, now: Duration) {
        self.scheduler.fail_all(failure);
        self.hear(now);
    }
}

/// Where a picture's second row is left out. Nearly always nowhere, which takes no memory.
fn single(plan: &Plan) -> Vec<bool> {
    let rows = &plan.table.rows;
    if rows.iter().all(|row| row.guided) { Vec::new() } else { rows.iter().map(|row| !row.guided).collect() }
}

/// What other servers need to be equal for requests to share a batch.
fn alike(planned: &Planned) -> String {
    let one = &planned.resolved[0];
    format!(
        "{:?}",
        (
            (one.task, one.sampler, one.schedule, one.timestep_spacing, one.convention, one.num_inference_steps),
            (one.guidance_scale.to_bits(), one.guidance_rescale.to_bits(), one.eta.map(f64::to_bits), one.clip_skip),
            one.strength.map(f64::to_bits),
        )
    )
}

fn hash(text: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
