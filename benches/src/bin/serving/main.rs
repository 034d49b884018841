//! The serving load generator: how many requests a second are done in time, under four ways of batching them.

mod curves;
mod goodput;
mod measure;
mod mix;
mod plot;
mod real;
mod report;
mod target;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use easel_engine::{
    scheduler::Policy,
    sim::{day, traffic::Process},
};
use serde::{Deserialize, Serialize};

use crate::{real::Real, target::Target};

/// Drives a serving target with many requests and says how many were in time.
#[derive(Parser)]
#[command(name = "serving")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The highest rates at which 95 % are in time, for every mix and policy.
    Goodput(goodput::Options),
    /// One mix at one rate.
    Run(RunOptions),
    /// A page and plots of what `goodput --shares --json` has printed.
    Report(ReportOptions),
    /// Simulated days of a million requests, checked.
    Day(DayOptions),
}

#[derive(Args)]
struct ReportOptions {
    /// What was printed.
    results: PathBuf,
    /// Where the page goes.
    folder: PathBuf,
    /// The date it shows.
    #[arg(long)]
    date: String,
}

#[derive(Args)]
struct DayOptions {
    /// Seeds from 1 on.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The table; seeds that it has are skipped.
    #[arg(long, default_value = "target/day.log")]
    log: PathBuf,
}

/// What is driven.
#[derive(Args)]
pub struct TargetOptions {
    /// What to drive.
    #[arg(long, value_enum, default_value_t = TargetName::Sim)]
    target: TargetName,
    /// What a device takes; a modelled H200 if not given.
    #[arg(long)]
    curves: Option<PathBuf>,
    /// Simulated devices.
    #[arg(long, default_value_t = 1)]
    devices: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum TargetName {
    /// The real scheduler over modelled devices in virtual time.
    Sim,
    /// The real engine over the built-in model on the processor, in real time: keep the machine quiet.
    Builtin,
}

impl TargetOptions {
    fn open(&self) -> Result<Box<dyn Target>, String> {
        match self.target {
            TargetName::Sim => Ok(Box::new(curves::read(self.curves.as_deref())?.simulated(self.devices.max(1)))),
            TargetName::Builtin => Ok(Box::new(Real::open()?)),
        }
    }
}

/// When requests come.
#[derive(Args)]
pub struct ArrivalOptions {
    /// When requests come.
    #[arg(long, value_enum, default_value_t = ArrivalName::Poisson)]
    arrivals: ArrivalName,
    /// Coefficient of variation of the gaps, for gamma arrivals.
    #[arg(long, default_value_t = 2.0)]
    cv: f64,
    /// Mean seconds of being on and off, for on-off arrivals.
    #[arg(long, num_args = 2, default_values_t = [5.0, 5.0])]
    on_off: Vec<f64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ArrivalName {
    /// Exponential gaps.
    Poisson,
    /// Gamma gaps: bursty for a CV above 1.
    Gamma,
    /// Poisson in bursts.
    OnOff,
}

impl ArrivalOptions {
    fn process(&self) -> Process {
        match self.arrivals {
            ArrivalName::Poisson => Process::Poisson,
            ArrivalName::Gamma => Process::Gamma { cv: self.cv },
            ArrivalName::OnOff => Process::OnOff { on: self.on_off[0], off: self.on_off[1] },
        }
    }
}

#[derive(Args)]
struct RunOptions {
    #[command(flatten)]
    target: TargetOptions,
    #[command(flatten)]
    arrivals: ArrivalOptions,
    /// A mix's name.
    #[arg(long)]
    mix: String,
    /// How requests are batched.
    #[arg(long, value_enum, default_value_t = PolicyName::StepLevel)]
    policy: PolicyName,
    /// Rows of static batches.
    #[arg(long, default_value_t = 8)]
    rows: u32,
    /// Milliseconds that static batches wait to be filled.
    #[arg(long, default_value_t = 0)]
    window_ms: u64,
    /// Requests a second.
    #[arg(long)]
    rate: f64,
    /// In time is within this many solo times.
    #[arg(long, default_value_t = 3.0)]
    k: f64,
    /// Requests.
    #[arg(long, default_value_t = 2000)]
    requests: usize,
    /// Seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Machine-readable output.
    #[arg(long)]
    json: bool,
}

/// How requests are batched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyName {
    /// One request at a time.
    OneAtATime,
    /// Equal requests, gathered up to a number of rows or a time.
    Static,
    /// Equal requests that wait when the device is free.
    RequestLevel,
    /// Chosen anew for every step.
    StepLevel,
}

impl PolicyName {
    const ALL: [Self; 4] = [Self::OneAtATime, Self::Static, Self::RequestLevel, Self::StepLevel];

    fn text(self) -> &'static str {
        match self {
            Self::OneAtATime => "one at a time",
            Self::Static => "static batches",
            Self::RequestLevel => "request-level",
            Self::StepLevel => "step-level",
        }
    }
}

fn run(options: &RunOptions) -> Result<(), String> {
    let target = options.target.open()?;
    let mixes = mix::all();
    let mix = mixes.iter().find(|mix| mix.name == options.mix);
    let mix = mix.ok_or_else(|| format!("mixes: {}", mixes.iter().map(|mix| mix.name).collect::<Vec<_>>().join(", ")))?;
    if !target.serves(mix) {
        return Err(format!("{} does not serve {}", target.name(), mix.name));
    }
    let policy = match options.policy {
        PolicyName::OneAtATime => Policy::OneAtATime,
        PolicyName::Static => Policy::Static { rows: options.rows, window: Duration::from_millis(options.window_ms) },
        PolicyName::RequestLevel => Policy::RequestLevel,
        PolicyName::StepLevel => Policy::StepLevel,
    };
    let (k, process, requests) = (options.k, options.arrivals.process(), options.requests);
    let setting = measure::Setting { target: target.as_ref(), mix, policy, k, process, requests };
    let run = setting.run(options.rate, options.seed);
    // What ran in real time, in virtual time: where the two differ, the engine does something that its cost model does not know of.
    let rehearsal = target.rehearsal();
    let rehearsed = rehearsal.as_ref().map(|target| measure::Setting { target, ..setting }.run(options.rate, options.seed));
    if options.json {
        println!("{}", serde_json::to_string(&run).map_err(|error| error.to_string())?);
    } else {
        println!("{}: {}, {}, full batches could do {:.2}/s", target.name(), mix.text, options.policy.text(), setting.capacity());
        println!("{}", run.text());
        if let Some(run) = rehearsed {
            println!("in virtual time: {}", run.text());
        }
        for kind in &mix.kinds {
            let (work, rows) = target.work(kind);
            let guidance = if kind.guidance { "with" } else { "without" };
            println!(
                "{} px, {} steps {guidance} guidance: {:.3} s alone, {work:.3} s in batches of {rows} rows",
                kind.side,
                kind.steps,
                target.solo(kind)
            );
        }
    }
    Ok(())
}

fn report(options: &ReportOptions) -> Result<(), String> {
    let text = std::fs::read(&options.results).map_err(|error| format!("{}: {error}", options.results.display()))?;
    let results = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    report::write(&options.folder, &results, &options.date)
}

fn main() -> ExitCode {
    let done = match &Cli::parse().command {
        Command::Goodput(options) => goodput::main(options),
        Command::Run(options) => run(options),
        Command::Report(options) => report(options),
        Command::Day(options) => day::log(options.seeds, &options.log),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("serving: {error}");
            ExitCode::FAILURE
        }
    }
}
