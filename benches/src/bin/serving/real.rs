//! The real engine over the built-in model on this machine's processor, in real time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use easel_benches::builtin;
use easel_engine::{
    Engine, EngineConfig, Outcome, State, SubmitError,
    scheduler::{Cost, Failure, Refused, Rules},
    sim::cluster::{Arrival, End, SimModel, SimShape, Story},
};
use easel_models::{
    Device, OpenDevice,
    backend::{self, AdapterOptions, BackendOptions, TEXT_CACHE_BYTES},
    prompt::PromptOptions,
};
use easel_types::GenerationRequest;
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::mpsc, task::JoinSet, time};

use crate::{
    mix::Kind,
    target::{Simulated, Target},
};

/// The model that mixes for this target name.
pub const MODEL: &str = "builtin";
/// Sides that it is asked for; a submission's group is an index into them.
const SIDES: [u32; 4] = [64, 128, 192, 256];
/// Guidance of requests that have it.
const GUIDANCE: f64 = 3.0;
/// A kind alone is timed so often, after one that warms up; the median counts.
const SOLO_RUNS: usize = 7;
/// So many requests of a kind at once show what full batches do.
const CROWD: usize = 24;

/// An engine with a scheduler's rules.
struct Running {
    rules: String,
    engine: Engine,
}

/// What a kind takes here.
#[derive(Clone)]
struct Taken {
    /// Seconds alone.
    solo: f64,
    /// Seconds in full batches.
    crowded: f64,
    /// Rows of these.
    knee: u32,
    /// What the scheduler has learnt.
    cost: Cost,
}

/// The built-in model on this machine.
pub struct Real {
    runtime: Runtime,
    device: OpenDevice,
    /// One at a time: they share the processor.
    running: Mutex<Option<Running>>,
    /// Step times, measured once for all of them.
    folder: TempDir,
    taken: Mutex<HashMap<Kind, Taken>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Real {
    /// Starts nothing yet.
    pub fn open() -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        let device = Device::Cpu.open().map_err(|error| error.to_string())?;
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        Ok(Self { runtime, device, running: Mutex::default(), folder, taken: Mutex::default() })
    }

    /// The engine with these rules, idle and warm.
    fn engine(&self, rules: &Rules) -> Engine {
        let mut running = lock(&self.running);
        let named = format!("{rules:?}");
        if let Some(known) = running.as_ref().filter(|known| known.rules == named) {
            self.runtime.block_on(idle(&known.engine));
            return known.engine.clone();
        }
        if let Some(old) = running.take() {
            old.engine.stop();
            self.runtime.block_on(old.engine.stopped());
        }
        let curves = Some(self.folder.path().join("curves.json"));
        let config = EngineConfig { rules: rules.clone(), measure: true, curves, ..EngineConfig::default() };
        let options = BackendOptions {
            device: self.device.clone(),
            catalogue: Box::new(vec![(MODEL.into(), builtin())]),
            variant: None,
            prompt: PromptOptions::default(),
            text_cache_bytes: TEXT_CACHE_BYTES,
            adapters: AdapterOptions::default(),
        };
        let engine = Engine::start(move || Ok(backend::open(options)), config);
        // What the shapes cost is learnt from the first pictures, as in a server that has run for a while.
        for side in SIDES {
            for guidance in [true, false] {
                let kind = Kind { weight: 1, model: MODEL, side, steps: 8, guidance };
                for _ in 0..3 {
                    self.crowd(&engine, &kind, 1);
                }
            }
        }
        *running = Some(Running { rules: named, engine: engine.clone() });
        engine
    }

    /// Seconds until so many equal requests, which come at once, are done.
    fn crowd(&self, engine: &Engine, kind: &Kind, count: usize) -> f64 {
        let begun = Instant::now();
        self.runtime.block_on(async {
            engine.ready().await.expect("the built-in model comes up");
            let tickets: Vec<_> = (0..count).map(|_| engine.submit(request(kind.side, kind.steps, kind.guidance))).collect();
            for ticket in tickets {
                let outcome = ticket.expect("an idle engine takes it").outcome().await;
                assert!(matches!(outcome, Outcome::Finished(_)), "the built-in model failed: {outcome:?}");
            }
        });
        begun.elapsed().as_secs_f64()
    }

    fn taken(&self, kind: &Kind) -> Taken {
        let kind = Kind { weight: 1, ..*kind };
        if let Some(known) = lock(&self.taken).get(&kind) {
            return known.clone();
        }
        // A target so far away that batches are as large as they are useful.
        let engine = self.engine(&Rules { target_factor: 1e3, ..Rules::default() });
        let mut alone: Vec<f64> = (0..=SOLO_RUNS).map(|_| self.crowd(&engine, &kind, 1)).skip(1).collect();
        alone.sort_unstable_by(f64::total_cmp);
        let crowded = self.crowd(&engine, &kind, CROWD) / CROWD as f64;
        let model = engine.models().into_iter().next().expect("the built-in model is listed");
        let (cost, knee) = engine.cost(&model, kind.side, kind.side);
        let taken = Taken { solo: alone[SOLO_RUNS / 2], crowded, knee, cost };
        lock(&self.taken).insert(kind, taken.clone());
        taken
    }
}

/// Waits until nothing is left of the requests before.
async fn idle(engine: &Engine) {
    while engine.status().state == State::Ready && (engine.status().active > 0 || engine.status().queued > 0) {
        time::sleep(Duration::from_millis(2)).await;
    }
}

fn request(side: u32, steps: u32, guidance: bool) -> GenerationRequest {
    GenerationRequest {
        width: Some(side),
        height: Some(side),
        num_inference_steps: Some(steps),
        guidance_scale: Some(if guidance { GUIDANCE } else { 1.0 }),
        ..GenerationRequest::text_to_image("a red circle on a blue background")
    }
}

/// Comes at its time and waits for its end.
async fn live(engine: Engine, arrival: Arrival, begun: Instant) -> Story {
    time::sleep_until((begun + arrival.at).into()).await;
    let wanted = &arrival.submission;
    let side = SIDES[wanted.group.0 as usize];
    let end = match engine.submit(request(side, wanted.evaluations, wanted.branches == 2)) {
        Ok(ticket) => match ticket.outcome().await {
            Outcome::Finished(_) => End::Finished,
            Outcome::Failed(error) => End::Failed(Failure::Panic(error.to_string())),
            Outcome::Cancelled => End::Cancelled,
        },
        Err(SubmitError::QueueFull { waiting, retry_after }) => {
            End::Refused { why: Refused::Full { waiting, retry_after }, backlog: engine.status().backlog.as_secs_f64() }
        }
        Err(error) => End::Failed(Failure::Panic(error.to_string())),
    };
    // A generator that is late makes the request late, not the clock.
    Story { arrival: arrival.at.as_secs_f64(), started: None, ended: begun.elapsed().as_secs_f64(), end }
}

impl Target for Real {
    fn name(&self) -> String {
        format!("the built-in model on this machine's processor ({}), in real time", self.device.detail)
    }

    fn simulated(&self) -> bool {
        false
    }

    fn place(&self, kind: &Kind) -> Option<usize> {
        SIDES.iter().position(|side| kind.model == MODEL && kind.side == *side)
    }

    fn solo(&self, kind: &Kind) -> f64 {
        self.taken(kind).solo
    }

    fn work(&self, kind: &Kind) -> (f64, u32) {
        let taken = self.taken(kind);
        (taken.crowded, taken.knee)
    }

    fn rehearsal(&self) -> Option<Simulated> {
        let shape = |side| {
            let cost = self.taken(&Kind { weight: 1, model: MODEL, side, steps: 8, guidance: true }).cost;
            SimShape { model: 0, width: side, height: side, cost, rows_max: u32::MAX }
        };
        Some(Simulated {
            name: self.name(),
            devices: 1,
            memory: None,
            models: vec![SimModel { bytes: 1, load: 0.0 }],
            shapes: SIDES.map(shape).to_vec(),
            places: SIDES.map(|side| (MODEL.to_owned(), side)).to_vec(),
        })
    }

    fn serve(&self, rules: &Rules, traffic: &[Arrival], watch: &mut dyn FnMut(usize, &Story) -> bool) {
        let engine = self.engine(rules);
        let begun = Instant::now();
        self.runtime.block_on(async {
            let (tell, mut told) = mpsc::unbounded_channel();
            // Dropped at the end, with the requests that are still under way.
            let mut clients = JoinSet::new();
            for (i, arrival) in traffic.iter().cloned().enumerate() {
                let (engine, tell) = (engine.clone(), tell.clone());
                clients.spawn(async move {
                    let story = live(engine, arrival, begun).await;
                    // Nobody listens any more once enough is known.
                    let _ = tell.send((i, story));
                });
            }
            drop(tell);
            while let Some((i, story)) = told.recv().await {
                assert!(!matches!(story.end, End::Failed(_)), "the built-in model failed: {:?}", story.end);
                if !watch(i, &story) {
                    break;
                }
            }
        });
    }
}
