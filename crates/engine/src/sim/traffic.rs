//! When requests come: arrival processes with a given mean rate, the same for the same seed.

use std::time::Duration;

use rand::{RngExt, rngs::SmallRng};

/// How the gaps between arrivals are spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Process {
    /// Nobody knows of anybody: exponential gaps.
    Poisson,
    /// Gamma gaps with this coefficient of variation; 1 is Poisson, 2 is bursty.
    Gamma {
        /// Standard deviation over mean.
        cv: f64,
    },
    /// Poisson while on, nobody while off; both last exponentially long.
    OnOff {
        /// Mean seconds of being on.
        on: f64,
        /// Mean seconds of being off.
        off: f64,
    },
}

/// Moments of `count` arrivals at `rate` a second on average.
pub fn arrivals(process: Process, rate: f64, count: usize, rng: &mut SmallRng) -> Vec<Duration> {
    let mut now = 0.0;
    // Seconds of the present "on" that are left.
    let mut left = 0.0;
    let moments = (0..count).map(|_| {
        match process {
            Process::Poisson => now += exponential(rng) / rate,
            Process::Gamma { cv } => {
                let shape = 1.0 / (cv * cv);
                now += gamma(shape, rng) / (shape * rate);
            }
            Process::OnOff { on, off } => {
                let mut gap = exponential(rng) * on / ((on + off) * rate);
                while gap > left {
                    gap -= left;
                    now += left + exponential(rng) * off;
                    left = exponential(rng) * on;
                }
                left -= gap;
                now += gap;
            }
        }
        Duration::from_secs_f64(now)
    });
    moments.collect()
}

/// Mean 1.
pub fn exponential(rng: &mut SmallRng) -> f64 {
    -(1.0 - rng.random::<f64>()).ln()
}

/// Mean `shape`, scale 1. Marsaglia and Tsang, "A simple method for generating gamma variables" (2000), raised for shapes below 1.
fn gamma(shape: f64, rng: &mut SmallRng) -> f64 {
    if shape < 1.0 {
        return gamma(shape + 1.0, rng) * (1.0 - rng.random::<f64>()).powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - rng.random::<f64>()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Box and Muller.
fn normal(rng: &mut SmallRng) -> f64 {
    (2.0 * exponential(rng)).sqrt() * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn gaps_have_the_mean_and_spread_they_should() {
        let cases = [
            (Process::Poisson, 1.0),
            (Process::Gamma { cv: 2.0 }, 2.0),
            (Process::Gamma { cv: 0.5 }, 0.5),
            // An interrupted Poisson process at 16 a second: 1 + 2 * 16 / (1 + 1/3)^2 = 19 is the square of it.
            (Process::OnOff { on: 1.0, off: 3.0 }, 19f64.sqrt()),
        ];
        for (process, cv) in cases {
            let moments = arrivals(process, 4.0, 200_000, &mut SmallRng::seed_from_u64(7));
            let gaps: Vec<f64> = moments.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let spread = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt() / mean;
            assert!((mean * 4.0 - 1.0).abs() < 0.05, "{process:?}: mean {mean}");
            assert!((spread / cv - 1.0).abs() < 0.1, "{process:?}: {spread} of {cv}");
        }
    }
}
