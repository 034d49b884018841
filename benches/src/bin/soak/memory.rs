//! What a process has in memory, and whether that stays the same.

use std::fs;

use serde::Serialize;

use crate::Failure;

/// Fewer samples than this say nothing about quarters.
const SAMPLES_MIN: usize = 12;

/// A look at the process.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sample {
    /// Since the beginning.
    pub seconds: f64,
    /// Bytes in memory.
    pub resident: u64,
    /// Bytes that the system has put elsewhere: they are the process's nevertheless.
    pub swapped: u64,
    pub threads: u64,
}

impl Sample {
    /// Bytes that the process has.
    pub fn bytes(&self) -> f64 {
        (self.resident + self.swapped) as f64
    }
}

/// Looks at a process.
pub fn sample(pid: u32, seconds: f64) -> Result<Sample, Failure> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}. Has the server ended?"))?;
    read(&status, seconds).ok_or_else(|| format!("{path} says nothing of memory. Has the server ended?").into())
}

fn read(status: &str, seconds: f64) -> Option<Sample> {
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(Sample {
        seconds,
        resident: number("VmRSS")? * 1024,
        swapped: number("VmSwap").unwrap_or(0) * 1024,
        threads: number("Threads")?,
    })
}

/// Whether memory stayed flat, by two measures that are wrong in different ways: a line through all samples follows a few high ones at an end,
/// medians of quarters do not see what happens between them.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// The first third is left out: caches fill and pools are made. Seconds at which judging begins.
    pub from: f64,
    /// Bytes, the median from then on.
    pub median: f64,
    /// Bytes at `from` and bytes a second, of the line through the samples by least squares.
    pub line: (f64, f64),
    /// Bytes by which the line rises from its beginning to its end.
    pub rise: f64,
    /// Bytes by which the median of the last quarter is above that of the first.
    pub drift: f64,
    /// Bytes that either may be.
    pub allowed: f64,
    pub flat: bool,
}

/// Judges samples; memory may grow by the share `tolerance` of its median.
pub fn judge(samples: &[Sample], tolerance: f64) -> Result<Verdict, Failure> {
    let from = samples.last().map_or(0.0, |sample| sample.seconds) / 3.0;
    let judged: Vec<_> = samples.iter().filter(|sample| sample.seconds >= from).collect();
    if judged.len() < SAMPLES_MIN {
        return Err(format!(
            "{} samples are judged, and {SAMPLES_MIN} are the fewest that say anything: more minutes",
            judged.len()
        )
        .into());
    }
    let bytes: Vec<f64> = judged.iter().map(|sample| sample.bytes()).collect();
    let times: Vec<f64> = judged.iter().map(|sample| sample.seconds - from).collect();
    let line = fitted(&times, &bytes);
    let rise = line.1 * times[times.len() - 1];
    let quarter = bytes.len() / 4;
    let drift = median(&bytes[bytes.len() - quarter..]) - median(&bytes[..quarter]);
    let median = median(&bytes);
    let allowed = tolerance * median;
    Ok(Verdict { from, median, line, rise, drift, allowed, flat: rise <= allowed && drift <= allowed })
}

/// The line through points by least squares: its height at 0 and its slope.
fn fitted(x: &[f64], y: &[f64]) -> (f64, f64) {
    let count = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / count, y.iter().sum::<f64>() / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        above += (x - mean_x) * (y - mean_y);
        below += (x - mean_x) * (x - mean_x);
    }
    let slope = if below > 0.0 { above / below } else { 0.0 };
    (mean_y - slope * mean_x, slope)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1024.0 * 1024.0;

    /// Half an hour of looks every ten seconds.
    fn samples(mib: impl Fn(f64) -> f64) -> Vec<Sample> {
        let looks = (0..180).map(|look| f64::from(look) * 10.0);
        looks.map(|seconds| Sample { seconds, resident: (mib(seconds) * MIB) as u64, swapped: 0, threads: 9 }).collect()
    }

    #[test]
    fn a_process_is_read() {
        let status = "Name:\teasel\nVmHWM:\t   900 kB\nVmRSS:\t   600 kB\nVmSwap:\t      4 kB\nThreads:\t12\n";
        let sample = read(status, 5.0).unwrap();
        assert_eq!((sample.resident, sample.swapped, sample.threads), (600 * 1024, 4096, 12));
        assert!(read("Name:\teasel\nState:\tZ (zombie)\nThreads:\t1\n", 5.0).is_none(), "one that has ended has no memory");
        assert!(sample_of_this_process().resident > 0);
    }

    fn sample_of_this_process() -> Sample {
        super::sample(std::process::id(), 0.0).unwrap()
    }

    #[test]
    fn what_fills_up_first_and_what_comes_and_goes_is_flat() {
        let wave = |seconds: f64| 5.0 * (seconds / 17.0).sin();
        let verdict = judge(&samples(|seconds| 400.0 * (1.0 - (-seconds / 60.0).exp()) + 200.0 + wave(seconds)), 0.02).unwrap();
        assert!(verdict.flat, "{verdict:?}");
        assert!((verdict.median / MIB - 600.0).abs() < 5.0, "{verdict:?}");
        assert!(judge(&samples(|seconds| 600.0 - seconds / 60.0), 0.02).unwrap().flat, "less is no leak");
    }

    #[test]
    fn a_leak_is_not() {
        // A MiB each minute: twenty in the time that is judged.
        let leak = judge(&samples(|seconds| 600.0 + seconds / 60.0), 0.02).unwrap();
        assert!(!leak.flat && (leak.line.1 * 60.0 / MIB - 1.0).abs() < 0.01 && (leak.rise / MIB - 19.9).abs() < 0.2, "{leak:?}");
        // A step late in the run.
        assert!(!judge(&samples(|seconds| if seconds > 1_300.0 { 620.0 } else { 600.0 }), 0.02).unwrap().flat);
        let mut swapped = samples(|_| 600.0);
        swapped.iter_mut().for_each(|sample| sample.swapped = (sample.seconds * 20_000.0) as u64);
        assert!(!judge(&swapped, 0.02).unwrap().flat, "what is swapped out is not gone");
    }

    #[test]
    fn a_short_run_is_not_judged() {
        assert!(judge(&samples(|_| 600.0)[..10], 0.02).is_err());
        assert!(judge(&[], 0.02).is_err());
    }
}
