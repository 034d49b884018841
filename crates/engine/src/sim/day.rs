//! A day of a busy server, in virtual time: a curve of rates with peaks over what the devices can do, models that do not all fit, greedy
//! users, priorities, impatient clients and planned failures. Whatever happens, certain things must hold; [`Day::run`] checks them.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use easel_backend::BackendError;
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::{
    bound::WaitBound,
    cluster::{Arrival, End, Outcome, SimCluster, SimFault, SimModel, SimShape, Story},
    traffic::exponential,
};
use crate::scheduler::{Cost, Curve, Failure, Group, Mean, Refused, Rules, Submission};

/// Requests of a whole day.
pub const REQUESTS: usize = 1_000_000;
/// Seconds of a whole day.
const SECONDS: f64 = 86_400.0;
/// Work that comes, as a share of what the devices can do in full batches, on average over the day.
const LOAD: f64 = 0.62;
/// Rates over the day, by hour, as multiples of the mean: night, a first peak at noon, a second and higher one in the evening.
const HOURS: [f64; 24] =
    [0.5, 0.35, 0.25, 0.2, 0.2, 0.3, 0.5, 0.8, 1.0, 1.1, 1.2, 1.5, 1.75, 1.3, 1.1, 1.1, 1.2, 1.3, 1.5, 1.8, 2.0, 1.6, 1.0, 0.7];

/// A day or a part of one.
#[derive(Debug, Clone)]
pub struct Day {
    /// Everything random comes from it.
    pub seed: u64,
    /// Requests; fewer make the day shorter, not quieter.
    pub requests: usize,
}

/// How a day went.
#[derive(Debug, Clone, Default)]
pub struct DayReport {
    /// Requests that got their pictures.
    pub finished: usize,
    /// Requests whose clients left.
    pub left: usize,
    /// Requests that were not taken.
    pub refused: usize,
    /// Requests that failed, by cause.
    pub failed: BTreeMap<&'static str, usize>,
    /// The most requests that waited at once.
    pub queue_longest: usize,
    /// The longest wait of a request, in seconds.
    pub wait_worst: f64,
    /// The longest wait by priority.
    pub wait_by_priority: BTreeMap<i32, f64>,
    /// The bound of the waits of that priority that came closest to it.
    pub bound: f64,
    /// The largest part of its bound that a request waited.
    pub bound_share: f64,
    /// Models brought in.
    pub loads: u64,
    /// Requests that were started again.
    pub restarts: u64,
    /// Share of the time in which devices were stepping.
    pub stepping: f64,
    /// Mean rows of a step.
    pub rows: f64,
    /// Steps.
    pub steps: u64,
    /// What did not hold.
    pub broken: Vec<String>,
}

/// A kind of request.
struct Kind {
    weight: f64,
    shape: usize,
    evaluations: u32,
}

/// The server.
struct Server {
    cluster: SimCluster,
    kinds: Vec<Kind>,
}

impl Day {
    /// A whole day.
    pub fn whole(seed: u64) -> Self {
        Self { seed, requests: REQUESTS }
    }

    fn seconds(&self) -> f64 {
        SECONDS * self.requests as f64 / REQUESTS as f64
    }

    /// Lives through it. Things that must hold and did not are in [`DayReport::broken`].
    pub fn run(&self) -> DayReport {
        let mut rng = SmallRng::seed_from_u64(self.seed);
        let server = self.server(&mut rng);
        let arrivals = self.arrivals(&server, &mut rng);
        let outcome = server.cluster.run(&arrivals);
        self.check(&server.cluster, &arrivals, &outcome)
    }

    /// Eight devices with room for a part of six models. Step times are straight lines over the rows, in units that make the load right.
    fn server(&self, rng: &mut SmallRng) -> Server {
        // Gigabytes, unit steps with one row, what another row adds, side of the picture, knee.
        let models = [(2.0, 1.0), (2.0, 1.0), (7.0, 1.0), (7.0, 1.0), (7.0, 0.3), (3.0, 0.5)];
        let (mut shapes, mut kinds) = (Vec::new(), Vec::new());
        let popularity = [0.30, 0.10, 0.25, 0.08, 0.25, 0.02];
        for (model, (gigabytes, steps)) in models.iter().enumerate() {
            for (side, share) in [(512, 0.4), (768, 0.35), (1024, 0.25)] {
                let pixels = f64::from(side * side) / f64::from(512 * 512);
                let row = pixels * gigabytes / 2.0;
                shapes.push((model, side, row));
                for (evaluations, part) in [(8.0, 0.3), (20.0, 0.5), (30.0, 0.2)] {
                    let weight = popularity[model] * share * part / row;
                    kinds.push(Kind { weight, shape: shapes.len() - 1, evaluations: (evaluations * steps) as u32 });
                }
            }
        }
        let cost = |row: f64, unit: f64| {
            let step = Curve::new((1..=24).map(|rows| (rows, unit * (1.0 + row * f64::from(rows)))));
            let step = step.expect("a curve");
            let slice = unit * (1.0 + row);
            Cost {
                prepare_slice: Mean::guess(slice * 0.5),
                prepare_slices: Mean::guess(1.0),
                decode_slice: Mean::guess(slice),
                decode_slices: Mean::guess(2.0),
                preview: Mean::guess(slice * 0.1),
                ..Cost::measured(step)
            }
        };
        // A unit of time such that the mean load is as it should be.
        let total: f64 = kinds.iter().map(|kind| kind.weight).sum();
        let work = |kind: &Kind| {
            let cost = cost(shapes[kind.shape].2, 1.0);
            let knee = cost.step.knee();
            kind.weight / total * MEAN_PICTURES * cost.work(2, kind.evaluations, knee)
        };
        let mean: f64 = kinds.iter().map(work).sum();
        let unit = LOAD * 8.0 * SECONDS / (REQUESTS as f64 * mean);
        let shape = |(model, side, row): &(usize, u32, f64)| SimShape {
            model: *model,
            width: *side,
            height: *side,
            cost: cost(*row, unit),
            rows_max: 48,
        };
        let cluster = SimCluster {
            rules: Rules { backlog_max: Duration::from_secs(240), queue_max: 4000, ..Rules::default() },
            devices: 8,
            memory: Some(16_000_000_000),
            models: models
                .iter()
                .map(|(gigabytes, _)| SimModel { bytes: (gigabytes * 1e9) as u64, load: 0.5 + gigabytes / 2.5 })
                .collect(),
            shapes: shapes.iter().map(shape).collect(),
            loaded: vec![0, 2],
            faults: self.faults(rng),
            checked: false,
            asked_every: None,
        };
        Server { cluster, kinds }
    }

    /// What goes wrong: each device is lost twice a day and comes back, and a hundred steps fail in other ways.
    fn faults(&self, rng: &mut SmallRng) -> Vec<(Duration, usize, SimFault)> {
        let mut faults = Vec::new();
        let seconds = self.seconds();
        let times = |a_day: f64| ((a_day * seconds / SECONDS).round() as usize).max(1);
        // One after another, so that most are always up.
        let losses = times(16.0);
        for i in 0..losses {
            let at = seconds * (i as f64 + rng.random::<f64>()) / losses as f64;
            let back = 30.0 + rng.random::<f64>() * 1500.0;
            faults.push((at, i % 8, SimFault::Lost(Duration::from_secs_f64(back.min(seconds / 8.0)))));
        }
        for (fault, a_day) in [(SimFault::OutOfMemory, 40.0), (SimFault::NonFinite, 40.0), (SimFault::Panic, 40.0)] {
            for _ in 0..times(a_day) {
                faults.push((seconds * rng.random::<f64>(), rng.random_range(0..8), fault));
            }
        }
        faults.into_iter().map(|(at, device, fault)| (Duration::from_secs_f64(at), device, fault)).collect()
    }

    fn arrivals(&self, server: &Server, rng: &mut SmallRng) -> Vec<Arrival> {
        // A Poisson process, given how many come: uniform in the integral of the rate, in order.
        let gaps: Vec<f64> = (0..=self.requests).map(|_| exponential(rng)).collect();
        let whole: f64 = gaps.iter().sum();
        let hours: f64 = HOURS.iter().sum();
        let (mut reached, mut hour, mut before) = (0.0, 0, 0.0);
        let mut arrivals = Vec::with_capacity(self.requests);
        for gap in &gaps[..self.requests] {
            reached += gap / whole * hours;
            while reached > before + HOURS[hour] && hour < 23 {
                before += HOURS[hour];
                hour += 1;
            }
            let at = (hour as f64 + (reached - before) / HOURS[hour]) / 24.0 * self.seconds();
            arrivals.push(self.arrival(at, server, rng));
        }
        arrivals
    }

    fn arrival(&self, at: f64, server: &Server, rng: &mut SmallRng) -> Arrival {
        let kind = &server.kinds[pick(rng, server.kinds.iter().map(|kind| kind.weight))];
        // Six users send a fifth of everything.
        let user = if rng.random::<f64>() < 0.2 { rng.random_range(0..6) } else { rng.random_range(6..20_000) };
        let branches = 1 + u32::from(rng.random::<f64>() < 0.8);
        let time_limit = (rng.random::<f64>() < 0.1).then(|| Duration::from_secs_f64(20.0 + rng.random::<f64>() * 600.0));
        let leaves_after = (rng.random::<f64>() < 0.05).then(|| Duration::from_secs_f64(60.0 * exponential(rng)));
        let submission = Submission {
            group: Group(kind.shape as u32),
            pictures: 1 + pick(rng, PICTURES) as u32,
            branches,
            evaluations: kind.evaluations,
            single: Vec::new(),
            user: Some(user),
            priority: 10 * pick(rng, [0.7, 0.2, 0.08, 0.02]) as i32,
            time_limit,
            preview_every: if rng.random::<f64>() < 0.1 { 5 } else { 0 },
            alike: u64::from(kind.evaluations) * 2 + u64::from(branches),
        };
        Arrival { at: Duration::from_secs_f64(at), submission, leaves_after }
    }
}

/// Shares of requests for 1, 2, 3 and 4 pictures.
const PICTURES: [f64; 4] = [0.7, 0.15, 0.05, 0.1];
const MEAN_PICTURES: f64 = 0.7 + 0.3 + 0.15 + 0.4;

fn pick(rng: &mut SmallRng, weights: impl IntoIterator<Item = f64> + Clone) -> usize {
    let total: f64 = weights.clone().into_iter().sum();
    let mut ticket = rng.random::<f64>() * total;
    let mut last = 0;
    for (i, weight) in weights.into_iter().enumerate() {
        last = i;
        if ticket < weight {
            break;
        }
        ticket -= weight;
    }
    last
}

impl Day {
    fn check(&self, cluster: &SimCluster, arrivals: &[Arrival], outcome: &Outcome) -> DayReport {
        let steps: u64 = outcome.batches.values().sum();
        let rows: u64 = outcome.batches.iter().map(|(rows, count)| u64::from(*rows) * count).sum();
        let mut report = DayReport {
            queue_longest: outcome.queue_longest,
            loads: outcome.loads,
            restarts: outcome.restarts,
            stepping: outcome.stepping / outcome.seconds / cluster.devices as f64,
            rows: rows as f64 / steps.max(1) as f64,
            steps,
            ..DayReport::default()
        };
        let bound = WaitBound::new(cluster, arrivals);
        for (arrival, story) in arrivals.iter().zip(&outcome.stories) {
            report.count(arrival, story, &cluster.rules);
            report.count_wait(arrival, story, bound.seconds(arrival.submission.priority));
        }
        if outcome.stories.len() != arrivals.len() {
            report.broken.push(format!("{} of {} requests ended", outcome.stories.len(), arrivals.len()));
        }
        if outcome.queue_longest > cluster.rules.queue_max {
            report.broken.push(format!("{} requests waited", outcome.queue_longest));
        }
        let planned = |wanted: fn(&SimFault) -> bool| cluster.faults.iter().filter(|(.., fault)| wanted(fault)).count();
        // A planned failure of a step fails one request at most: the one to blame, or the only one in the batch.
        report.at_most("not finite", planned(|fault| *fault == SimFault::NonFinite));
        report.at_most("out of memory", planned(|fault| *fault == SimFault::OutOfMemory));
        report.at_most("panic", planned(|fault| *fault == SimFault::Panic));
        // What is on a device when it is lost, if it has seen that before.
        report.at_most("device lost", planned(|fault| matches!(fault, SimFault::Lost(_))) * cluster.rules.admitted_max);
        report.at_most("other", 0);
        report
    }
}

impl DayReport {
    fn at_most(&mut self, cause: &'static str, planned: usize) {
        let failed = self.failed.get(cause).copied().unwrap_or_default();
        if failed > planned {
            self.broken.push(format!("{failed} requests failed ({cause}), {planned} were to"));
        }
    }

    fn count(&mut self, arrival: &Arrival, story: &Story, rules: &Rules) {
        let took = story.ended - story.arrival;
        let asked = &arrival.submission;
        let justified = match &story.end {
            End::Finished => {
                self.finished += 1;
                story.started.is_some()
            }
            End::Cancelled => {
                self.left += 1;
                arrival.leaves_after.is_some_and(|after| (took - after.as_secs_f64()).abs() < 1e-3)
            }
            End::Refused { why, backlog } => {
                self.refused += 1;
                match why {
                    // One request more would have been more than there is room for.
                    Refused::Full { waiting, .. } => {
                        *waiting >= rules.queue_max || *backlog > 0.8 * rules.backlog_max.as_secs_f64()
                    }
                    Refused::UserLimit { unfinished, .. } => *unfinished >= rules.user_queue_max,
                    _ => false,
                }
            }
            End::Failed(failure) => {
                *self.failed.entry(cause(failure)).or_default() += 1;
                // Given up at its limit, at most a load later: a device in the middle of something is asked afterwards.
                let limit = asked.time_limit.map(|limit| took - limit.as_secs_f64());
                *failure != Failure::TimeLimit || limit.is_some_and(|late| (-1e-3..10.0).contains(&late))
            }
        };
        if !justified {
            self.broken.push(format!("{:?} after {took:.3} s: {asked:?}", story.end));
        }
    }

    fn count_wait(&mut self, arrival: &Arrival, story: &Story, bound: f64) {
        let waited = story.started.unwrap_or(story.ended) - story.arrival;
        self.wait_worst = self.wait_worst.max(waited);
        let of = self.wait_by_priority.entry(arrival.submission.priority).or_default();
        *of = of.max(waited);
        if waited / bound > self.bound_share {
            (self.bound, self.bound_share) = (bound, waited / bound);
        }
        if waited > bound {
            self.broken.push(format!("waited {waited:.1} s of at most {bound:.1}: {:?}", arrival.submission));
        }
    }

    /// A row of a table, without the seed and the time it took.
    pub fn row(&self) -> String {
        let of = |cause| self.failed.get(cause).copied().unwrap_or_default();
        format!(
            "{} | {} | {} | {} | {} | {} | {} | {} | {} | {:.0} | {:.0} | {} | {} | {:.2}",
            self.finished,
            of("time limit"),
            of("not finite"),
            of("out of memory"),
            of("panic"),
            of("device lost"),
            self.left,
            self.refused,
            self.queue_longest,
            self.wait_worst,
            self.bound,
            self.loads,
            self.restarts,
            self.stepping,
        )
    }

    /// The heads of [`DayReport::row`]'s columns.
    pub const COLUMNS: &str = "finished | time limit | not finite | out of memory | panic | device lost | client left | refused \
        | longest queue | worst wait, s | bound, s | loads | restarts | stepping";
}

/// Whole days for the seeds from 1 to `seeds`, as rows of a table in a file; seeds that it has already are skipped. Stops at the first day on
/// which something did not hold.
pub fn log(seeds: u64, path: &Path) -> Result<(), String> {
    let known = fs::read_to_string(path).unwrap_or_default();
    let open = OpenOptions::new().create(true).append(true).open(path);
    let mut file = open.map_err(|error| format!("{}: {error}", path.display()))?;
    let mut write = |line: String| writeln!(file, "{line}").map_err(|error| error.to_string());
    if known.is_empty() {
        let columns = format!("| seed | run, s | {} |", DayReport::COLUMNS);
        write(format!("{columns}\n|{}", "---|".repeat(columns.matches('|').count() - 1)))?;
    }
    for seed in (1..=seeds).filter(|seed| !known.lines().any(|line| line.starts_with(&format!("| {seed} |")))) {
        let begun = Instant::now();
        let report = Day::whole(seed).run();
        write(format!("| {seed} | {:.0} | {} |", begun.elapsed().as_secs_f64(), report.row()))?;
        if let Some(first) = report.broken.first() {
            return Err(format!("seed {seed}: {} things did not hold, first: {first}", report.broken.len()));
        }
    }
    Ok(())
}

fn cause(failure: &Failure) -> &'static str {
    match failure {
        Failure::TimeLimit => "time limit",
        Failure::Panic(_) => "panic",
        Failure::Backend(BackendError::NonFinite(_)) => "not finite",
        Failure::Backend(BackendError::OutOfMemory(_)) => "out of memory",
        Failure::Backend(BackendError::Device(_)) => "device lost",
        _ => "other",
    }
}
