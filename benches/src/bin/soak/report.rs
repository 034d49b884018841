//! What came of it: for programs, as a plot, and in words.

use std::{fmt::Write as _, fs, path::Path};

use serde::Serialize;
use serde_json::Value;

use crate::{
    Failure,
    memory::{Sample, Verdict},
    plot::{self, MIB},
    traffic::Counts,
};

/// All of it.
#[derive(Serialize)]
pub struct Report {
    pub minutes: f64,
    pub clients: usize,
    /// Seconds from one look at the process to the next.
    pub every: f64,
    pub tolerance: f64,
    pub counts: Counts,
    /// Pictures that were made again alone.
    pub checked: usize,
    /// Requests whose pictures were others then.
    pub differing: Vec<Value>,
    pub verdict: Verdict,
    pub samples: Vec<Sample>,
}

impl Report {
    /// Whether the server did as it should.
    pub fn good(&self) -> bool {
        self.verdict.flat
            && self.counts.answered > 0
            && self.counts.failures.is_empty()
            && self.checked > 0
            && self.differing.is_empty()
    }

    /// The numbers and what they mean.
    pub fn words(&self) -> String {
        let Self { counts, verdict, .. } = self;
        let [p50, p95, p99] = counts.seconds;
        let mut text = String::from("| | |\n|---|---|\n");
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "| {name} | {value} |");
        };
        line("time, clients", format!("{} minutes, {}", self.minutes, self.clients));
        line("requests answered, pictures", format!("{}, {}", counts.answered, counts.pictures));
        line("times the server was full", counts.refused.to_string());
        line("failures", counts.failures.values().sum::<u64>().to_string());
        line("seconds to an answer: median, 95 %, 99 %", format!("{p50:.1}, {p95:.1}, {p99:.1}"));
        line("memory, median", format!("{:.0} MiB", verdict.median / MIB));
        line(
            "rise of the line through it",
            format!("{:+.1} MiB, {:+.2} MiB an hour", verdict.rise / MIB, verdict.line.1 * 3600.0 / MIB),
        );
        line("last quarter's median over the first's", format!("{:+.1} MiB", verdict.drift / MIB));
        line("either may be", format!("{:.1} MiB", verdict.allowed / MIB));
        line("pictures made again alone, others then", format!("{}, {}", self.checked, self.differing.len()));
        for (failure, count) in &counts.failures {
            let _ = writeln!(text, "\nfailed {count} times: {failure}");
        }
        for body in &self.differing {
            let _ = writeln!(text, "\nanother picture alone: {body}");
        }
        let verdict = match (verdict.flat, self.good()) {
            (true, true) => "Memory is flat, and pictures are the same alone.",
            (true, false) => "Memory is flat; requests failed, or pictures were others.",
            (false, _) => "Memory grows.",
        };
        let _ = writeln!(text, "\n{verdict}");
        text
    }

    /// Writes `soak.json`, `soak.svg` and `soak.md`.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("soak.json"), format!("{}\n", serde_json::to_string_pretty(self)?))?;
        plot::memory(&self.samples, &self.verdict, &folder.join("soak.svg"))?;
        let (minutes, clients) = (self.minutes, self.clients);
        let page = format!(
            "# Memory over time\n\n\
             **The claim.** A server that draws for {clients} clients at once for {minutes} minutes has no more memory at the end than at the \
             beginning, and each picture is the one that its request gives alone.\n\n\
             ```sh\n\
             cargo run --release -- serve --port 8090 --rate-limit-per-minute 0     # prints where it is; its process is PID below\n\
             cargo run --release -p easel-benches --bin soak -- http://127.0.0.1:8090 --pid PID --minutes {minutes} --clients {clients} --report docs/benchmarks\n\
             ```\n\n\
             The command ends with a failure if the claim does not hold. How it is measured:\n\n\
             - Every client asks for its next picture when it has its last one. Prompts, seeds, steps (1-20), guidance, samplers, schedules and sizes \
             differ from one request to the next; every tenth asks for two pictures.\n\
             - The process's memory, with what of it is swapped out, is read from `/proc` every {every} s. The first third is not judged: caches fill \
             and pools are made. In the rest neither the line through the samples by least squares may rise, nor the median of its last quarter be \
             above that of its first, by more than {percent} % of all.\n\
             - Afterwards {checked} requests that were chosen at random are made again one at a time, and their pixels compared.\n\n\
             ![Memory over time](soak.svg)\n\n{words}\n\
             All samples are in [soak.json](soak.json).\n",
            every = self.every,
            percent = self.tolerance * 100.0,
            checked = self.checked,
            words = self.words(),
        );
        fs::write(folder.join("soak.md"), page)?;
        Ok(())
    }
}
