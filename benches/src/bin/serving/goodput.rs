//! Goodput of every mix, policy and objective, over several seeds.

use clap::Args;
use easel_engine::scheduler::Policy;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    ArrivalOptions, PolicyName, TargetOptions,
    measure::{Run, Setting},
    mix::{self, Mix},
    report,
    target::Target,
};

/// What is to be found out.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    target: TargetOptions,
    #[command(flatten)]
    arrivals: ArrivalOptions,
    /// Names of mixes; all if not given.
    #[arg(long, value_delimiter = ',')]
    mixes: Vec<String>,
    /// Policies; all if not given.
    #[arg(long, value_delimiter = ',', value_enum)]
    policies: Vec<PolicyName>,
    /// Objectives: within this many solo times.
    #[arg(long, value_delimiter = ',', default_values_t = [2.0, 3.0, 5.0])]
    k: Vec<f64>,
    /// Requests of one run.
    #[arg(long, default_value_t = 2000)]
    requests: usize,
    /// Runs with different seeds.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// A goodput is found to within this share of it.
    #[arg(long, default_value_t = 0.004)]
    precision: f64,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Also in-time shares over the rate, for the plots.
    #[arg(long)]
    shares: bool,
    /// Machine-readable output.
    #[arg(long)]
    json: bool,
}

/// The goodput of a policy on a mix.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Goodput {
    /// The mix.
    pub mix: String,
    /// The objective.
    pub k: f64,
    /// The policy.
    pub policy: PolicyName,
    /// With its rows and window, if it has them.
    pub setting: Policy,
    /// Requests a second that full batches could do.
    pub capacity: f64,
    /// Requests a second, by seed.
    pub by_seed: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Half the width of the 95 % confidence interval of the mean.
    pub error: f64,
    /// In-time shares over the rate.
    pub shares: Vec<Run>,
}

/// Everything that was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results {
    /// What was driven.
    pub target: String,
    /// In virtual time.
    pub simulated: bool,
    /// A goodput is found to within this share of it.
    pub precision: f64,
    /// How requests came.
    pub arrivals: String,
    /// Requests of one run.
    pub requests: usize,
    /// Runs.
    pub seeds: u64,
    /// What came out.
    pub goodputs: Vec<Goodput>,
}

impl Results {
    /// The mixes, in order.
    pub fn mixes(&self) -> Vec<String> {
        let mut mixes: Vec<String> = Vec::new();
        for goodput in &self.goodputs {
            if !mixes.contains(&goodput.mix) {
                mixes.push(goodput.mix.clone());
            }
        }
        mixes
    }

    /// The objectives, in order.
    pub fn objectives(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.goodputs.iter().map(|goodput| goodput.k).collect();
        all.sort_unstable_by(f64::total_cmp);
        all.dedup();
        all
    }

    /// One of the goodputs.
    pub fn find(&self, mix: &str, k: f64, policy: PolicyName) -> Option<&Goodput> {
        self.goodputs.iter().find(|goodput| goodput.mix == mix && goodput.k == k && goodput.policy == policy)
    }

    /// How much better step-level is than static batches, as a share.
    pub fn gain_over_static(&self, mix: &str, k: f64) -> Option<f64> {
        let (step, other) = (self.find(mix, k, PolicyName::StepLevel)?, self.find(mix, k, PolicyName::Static)?);
        Some(step.mean / other.mean - 1.0)
    }

    /// How much better step-level is than the best of the others, as a share.
    pub fn gain_over_others(&self, mix: &str, k: f64) -> Option<f64> {
        let others = PolicyName::ALL.into_iter().filter(|policy| *policy != PolicyName::StepLevel);
        let best = others.filter_map(|policy| self.find(mix, k, policy)).map(|goodput| goodput.mean).max_by(f64::total_cmp)?;
        Some(self.find(mix, k, PolicyName::StepLevel)?.mean / best - 1.0)
    }
}

/// The 97.5 % quantile of Student's t by degrees of freedom.
const STUDENT: [f64; 10] = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let Some(freedom) = values.len().checked_sub(2) else { return (mean, 0.0) };
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, STUDENT.get(freedom).copied().unwrap_or(1.96) * (variance / count).sqrt())
}

/// Requests of a run in virtual time that prepares one in real time.
const REHEARSED: usize = 1000;

struct Task<'a> {
    mix: &'a Mix,
    k: f64,
    policy: PolicyName,
}

impl Task<'_> {
    fn run(&self, target: &dyn Target, options: &Options) -> Goodput {
        let (process, requests) = (options.arrivals.process(), options.requests);
        let plain = |target| Setting { target, mix: self.mix, policy: Policy::StepLevel, k: self.k, process, requests };
        // What takes real time is tuned in virtual time, with many more requests than there is time for.
        let rehearsal = target.rehearsal();
        let tuned_on = match &rehearsal {
            Some(rehearsal) => Setting { requests: requests.max(REHEARSED), ..plain(rehearsal) },
            None => plain(target),
        };
        let policy = match self.policy {
            PolicyName::OneAtATime => Policy::OneAtATime,
            // Tuned on another seed than it is measured with.
            PolicyName::Static => tuned_on.tuned_static(1000),
            PolicyName::RequestLevel => Policy::RequestLevel,
            PolicyName::StepLevel => Policy::StepLevel,
        };
        let setting = Setting { policy, ..plain(target) };
        let guess = rehearsal.is_some().then(|| Setting { policy, ..tuned_on }.goodput(1, 0.01, None));
        let mut by_seed: Vec<f64> = Vec::new();
        for seed in 1..=options.seeds.max(1) {
            by_seed.push(setting.goodput(seed, options.precision, by_seed.last().copied().or(guess).filter(|rate| *rate > 0.0)));
        }
        let (mean, error) = mean_and_error(&by_seed);
        let capacity = setting.capacity();
        let rates = (1..=12).map(|i| f64::from(i) * 0.085 * capacity).filter(|_| options.shares);
        let shares = rates.map(|rate| setting.run(rate, 1)).collect();
        let mix = self.mix.name.to_owned();
        Goodput { mix, k: self.k, policy: self.policy, setting: policy, capacity, by_seed, mean, error, shares }
    }
}

/// Measures and prints.
pub fn main(options: &Options) -> Result<(), String> {
    let target = options.target.open()?;
    let known = mix::all();
    if let Some(name) = options.mixes.iter().find(|name| known.iter().all(|mix| mix.name != **name)) {
        return Err(format!("no mix {name}: {}", known.iter().map(|mix| mix.name).collect::<Vec<_>>().join(", ")));
    }
    let chosen =
        |mix: &&Mix| (options.mixes.is_empty() || options.mixes.iter().any(|name| name == mix.name)) && target.serves(mix);
    let policies = if options.policies.is_empty() { PolicyName::ALL.to_vec() } else { options.policies.clone() };
    let mut tasks = Vec::new();
    for mix in known.iter().filter(chosen) {
        for k in &options.k {
            tasks.extend(policies.iter().map(|policy| Task { mix, k: *k, policy: *policy }));
        }
    }
    let bar = ProgressBar::new(tasks.len() as u64);
    bar.set_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {eta}").unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.jobs).build().map_err(|error| error.to_string())?;
    let goodputs = pool.install(|| {
        let each = tasks.par_iter().map(|task| {
            bar.set_message(format!("{} k={} {}", task.mix.name, task.k, task.policy.text()));
            let goodput = task.run(target.as_ref(), options);
            bar.inc(1);
            goodput
        });
        each.collect()
    });
    bar.finish_and_clear();
    let arrivals = format!("{:?}", options.arrivals.process());
    let (simulated, precision) = (target.simulated(), options.precision);
    let results = Results {
        target: target.name(),
        simulated,
        precision,
        arrivals,
        requests: options.requests,
        seeds: options.seeds,
        goodputs,
    };
    match options.json {
        true => println!("{}", serde_json::to_string(&results).map_err(|error| error.to_string())?),
        false => print!("{}", report::table(&results)),
    }
    Ok(())
}
