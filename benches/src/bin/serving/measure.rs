//! One run at one rate: who was in time, and how long it took. And the goodput: the highest rate at which enough are in time.

use std::time::Duration;

use easel_engine::{
    scheduler::{Policy, Rules},
    sim::{
        cluster::{Arrival, End},
        traffic::Process,
    },
};
use serde::{Deserialize, Serialize};

use crate::{mix::Mix, target::Target};

/// Share of the requests that must be in time.
pub const SHARE: f64 = 0.95;
/// Share of the requests at the beginning that do not count: the server is still filling up.
const WARM_UP: f64 = 0.1;

/// What is measured.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// What is driven.
    pub target: &'a dyn Target,
    /// What is asked for.
    pub mix: &'a Mix,
    /// How it is served.
    pub policy: Policy,
    /// In time is within this many times the solo time.
    pub k: f64,
    /// When it comes.
    pub process: Process,
    /// How many requests.
    pub requests: usize,
}

/// How a run went. Times are seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// Requests a second.
    pub rate: f64,
    /// Share of the requests that were in time.
    pub in_time: f64,
    /// Share that was not taken.
    pub refused: f64,
    /// Mean of those that finished.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

impl Run {
    /// For people.
    pub fn text(&self) -> String {
        let Self { rate, in_time, refused, mean, p50, p95, p99 } = self;
        let (in_time, refused) = (in_time * 100.0, refused * 100.0);
        format!(
            "{rate:.3}/s: {in_time:.2} % in time, {refused:.2} % refused, mean {mean:.3} s, p50 {p50:.3}, p95 {p95:.3}, p99 {p99:.3}"
        )
    }
}

impl Setting<'_> {
    fn rules(&self) -> Rules {
        Rules { policy: self.policy, target_factor: self.k, ..Rules::default() }
    }

    fn traffic(&self, rate: f64, seed: u64) -> Vec<Arrival> {
        self.mix.traffic(self.process, rate, self.requests, seed, |kind| self.target.place(kind).unwrap_or_default())
    }

    /// Seconds that each request may take.
    fn limits(&self, traffic: &[Arrival]) -> Vec<f64> {
        let kinds = &self.mix.kinds;
        let known: Vec<_> = kinds.iter().map(|kind| (self.target.place(kind), kind, self.k * self.target.solo(kind))).collect();
        let limit = |arrival: &Arrival| {
            let is = |(place, kind): (Option<usize>, &crate::mix::Kind)| {
                place == Some(arrival.submission.group.0 as usize)
                    && kind.steps == arrival.submission.evaluations
                    && 1 + u32::from(kind.guidance) == arrival.submission.branches
            };
            known.iter().find(|(place, kind, _)| is((*place, kind))).map_or(0.0, |(.., limit)| *limit)
        };
        traffic.iter().map(limit).collect()
    }

    /// One run in full.
    pub fn run(&self, rate: f64, seed: u64) -> Run {
        let traffic = self.traffic(rate, seed);
        let limits = self.limits(&traffic);
        let first = (traffic.len() as f64 * WARM_UP) as usize;
        let (mut good, mut refused, mut times) = (0, 0, Vec::new());
        self.target.serve(&self.rules(), &traffic, &mut |i, story| {
            if i >= first {
                let took = story.ended - story.arrival;
                match story.end {
                    End::Finished => times.push(took),
                    End::Refused { .. } => refused += 1,
                    _ => {}
                }
                good += usize::from(story.end == End::Finished && took <= limits[i]);
            }
            true
        });
        times.sort_unstable_by(f64::total_cmp);
        let counted = (traffic.len() - first).max(1) as f64;
        let at = |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1))).copied();
        Run {
            rate,
            in_time: f64::from(good as u32) / counted,
            refused: f64::from(refused) / counted,
            mean: times.iter().sum::<f64>() / times.len().max(1) as f64,
            p50: at(0.5).unwrap_or_default(),
            p95: at(0.95).unwrap_or_default(),
            p99: at(0.99).unwrap_or_default(),
        }
    }

    /// Whether enough are in time; gives up as soon as too many are not.
    pub fn holds(&self, rate: f64, seed: u64) -> bool {
        let traffic = self.traffic(rate, seed);
        let limits = self.limits(&traffic);
        let first = (traffic.len() as f64 * WARM_UP) as usize;
        let allowed = ((traffic.len() - first) as f64 * (1.0 - SHARE)) as usize;
        let mut bad = 0;
        self.target.serve(&self.rules(), &traffic, &mut |i, story| {
            let good = story.end == End::Finished && story.ended - story.arrival <= limits[i];
            bad += usize::from(i >= first && !good);
            bad <= allowed
        });
        bad <= allowed
    }

    /// Requests a second that full batches could do.
    pub fn capacity(&self) -> f64 {
        let total: f64 = self.mix.kinds.iter().map(|kind| f64::from(kind.weight)).sum();
        let work: f64 = self.mix.kinds.iter().map(|kind| f64::from(kind.weight) * self.target.work(kind).0).sum();
        total / work
    }

    /// The highest rate that holds, by bisection to within `precision` of it. `near` is a first guess, if there is one.
    pub fn goodput(&self, seed: u64, precision: f64, near: Option<f64>) -> f64 {
        let (mut low, mut high) = (0.0, self.capacity() * 1.1);
        if let Some(near) = near {
            let (below, above) = (near * 0.94, near * 1.06);
            if !self.holds(below, seed) {
                (low, high) = self.downwards(below, seed);
            } else if !self.holds(above, seed) {
                (low, high) = (below, above);
            } else {
                low = above;
            }
        }
        while high - low > precision * high && high > 1e-3 {
            let middle = (low + high) / 2.0;
            match self.holds(middle, seed) {
                true => low = middle,
                false => high = middle,
            }
        }
        low
    }

    /// A rate that holds and one that does not, below one that does not: ever longer steps down.
    fn downwards(&self, high: f64, seed: u64) -> (f64, f64) {
        let (mut high, mut step) = (high, 0.1);
        loop {
            let low = high * (1.0 - step);
            if low < 1e-3 || self.holds(low, seed) {
                return (low, high);
            }
            (high, step) = (low, f64::min(step * 2.0, 0.5));
        }
    }

    /// The best rows and window for static batches: a small search on a shorter run, the window in mean solo times.
    pub fn tuned_static(&self, seed: u64) -> Policy {
        let knee = self.mix.kinds.iter().map(|kind| self.target.work(kind).1).max().unwrap_or(1);
        let total: f64 = self.mix.kinds.iter().map(|kind| f64::from(kind.weight)).sum();
        let solo: f64 = self.mix.kinds.iter().map(|kind| f64::from(kind.weight) * self.target.solo(kind)).sum::<f64>() / total;
        let mut rows: Vec<u32> = [2, 4, 6, 8, 12, 16, 24, 32].into_iter().filter(|rows| *rows <= knee * 2).collect();
        rows.push(knee * 2);
        rows.dedup();
        let windows = [0.0, 0.25, 0.5, 1.0];
        let settings = rows.into_iter().flat_map(|rows| windows.map(|w| (rows, Duration::from_secs_f64(w * solo))));
        let short = |policy| Setting { policy, requests: (self.requests / 2).max(200), ..*self };
        let mut best = (0.0, Policy::Static { rows: knee, window: Duration::ZERO });
        for (rows, window) in settings {
            let policy = Policy::Static { rows, window };
            let setting = short(policy);
            // Most are worse than the best so far by a lot: one run tells.
            if best.0 > 0.0 && !setting.holds(best.0 * 1.005, seed) {
                continue;
            }
            let goodput = setting.goodput(seed, 0.01, None);
            if goodput > best.0 {
                best = (goodput, policy);
            }
        }
        best.1
    }
}
