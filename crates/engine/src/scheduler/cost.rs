//! What things cost on a device: the time of a step as a curve over the rows of the batch, and the knee of that curve.
//!
//! Step times are nearly deterministic, so prediction is a table that measurements keep up to date. Times are seconds as `f64`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Share of the highest throughput that the knee must reach.
const KNEE_SHARE: f64 = 0.95;
/// Weight of a new measurement in a running mean.
const NEW: f64 = 0.2;

/// Seconds of one denoiser evaluation over the rows evaluated together: measured points, straight lines between them.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Curve {
    /// (rows, seconds), by rows; never empty.
    points: Vec<(u32, f64)>,
}

impl Curve {
    /// A curve through measured points; `None` without a usable one.
    pub fn new(points: impl IntoIterator<Item = (u32, f64)>) -> Option<Self> {
        let mut points: Vec<_> = points.into_iter().filter(|(rows, s)| *rows > 0 && s.is_finite() && *s > 0.0).collect();
        points.sort_by_key(|(rows, _)| *rows);
        points.dedup_by_key(|(rows, _)| *rows);
        (!points.is_empty()).then_some(Self { points })
    }

    /// `base + per_row * rows`, in seconds, sampled up to `rows_max`.
    pub fn linear(base: f64, per_row: f64, rows_max: u32) -> Self {
        let points = (1..=rows_max.max(1)).map(|rows| (rows, base + per_row * f64::from(rows))).collect();
        Self { points }
    }

    /// The measured points.
    pub fn points(&self) -> &[(u32, f64)] {
        &self.points
    }

    /// Seconds of one evaluation of `rows` rows. Beyond the last point time grows with the last slope, at least with the mean time of a row.
    pub fn seconds(&self, rows: u32) -> f64 {
        let at = self.points.partition_point(|(known, _)| *known < rows);
        match (at.checked_sub(1).map(|i| self.points[i]), self.points.get(at)) {
            (_, Some((known, seconds))) if *known == rows => *seconds,
            (Some((r0, s0)), Some((r1, s1))) => s0 + (s1 - s0) * f64::from(rows - r0) / f64::from(r1 - r0),
            // Fewer rows than ever measured: a batch is at least as good as its rows one by one.
            (None, Some((r1, s1))) => s1 * f64::from(rows) / f64::from(*r1),
            (Some((r1, s1)), None) => {
                let before = self.points.len().checked_sub(2).map(|i| self.points[i]);
                let slope = before.map_or(s1 / f64::from(r1), |(r0, s0)| (s1 - s0) / f64::from(r1 - r0));
                s1 + slope.max(0.0).max(s1 / f64::from(r1) * 0.5) * f64::from(rows - r1)
            }
            (None, None) => 0.0,
        }
    }

    /// Rows a second.
    pub fn throughput(&self, rows: u32) -> f64 {
        f64::from(rows) / self.seconds(rows)
    }

    /// The fewest rows that reach 95 % of the highest throughput measured: more only makes everyone wait.
    pub fn knee(&self) -> u32 {
        let best = self.points.iter().map(|(rows, s)| f64::from(*rows) / s).fold(0.0, f64::max);
        let good = |(rows, s): &&(u32, f64)| f64::from(*rows) / s >= KNEE_SHARE * best;
        self.points.iter().find(good).map_or(1, |(rows, _)| *rows)
    }

    /// The same curve for pictures that take `factor` times the work a row.
    pub fn scaled(&self, factor: f64) -> Self {
        Self { points: self.points.iter().map(|(rows, s)| (*rows, s * factor)).collect() }
    }

    /// Takes a measurement in.
    pub fn learn(&mut self, rows: u32, seconds: f64) {
        if rows == 0 || !seconds.is_finite() || seconds <= 0.0 {
            return;
        }
        match self.points.binary_search_by_key(&rows, |(known, _)| *known) {
            Ok(at) => self.points[at].1 += NEW * (seconds - self.points[at].1),
            Err(at) => self.points.insert(at, (rows, seconds)),
        }
    }
}

impl fmt::Debug for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.points.iter().map(|(rows, s)| format!("{rows}: {:.1} ms", s * 1e3))).finish()
    }
}

/// A running mean of something measured now and then, starting from a guess.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    seconds: f64,
    measured: bool,
}

impl Mean {
    /// Starts with a guess that the first measurement replaces.
    pub fn guess(seconds: f64) -> Self {
        Self { seconds, measured: false }
    }

    /// Where it stands.
    pub fn seconds(self) -> f64 {
        self.seconds
    }

    /// Takes a measurement in.
    pub fn learn(&mut self, seconds: f64) {
        self.seconds = if self.measured { self.seconds + NEW * (seconds - self.seconds) } else { seconds };
        self.measured = true;
    }
}

/// What pictures of one (model, shape) cost on one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// Seconds of an evaluation.
    pub step: Curve,
    /// The curve was never measured: the first measurement replaces it.
    pub guessed: bool,
    /// Seconds of one slice of the work before the first step.
    pub prepare_slice: Mean,
    /// Slices of that work.
    pub prepare_slices: Mean,
    /// Seconds of one slice of decoding.
    pub decode_slice: Mean,
    /// Slices of decoding.
    pub decode_slices: Mean,
    /// Seconds of a preview.
    pub preview: Mean,
}

impl Cost {
    /// From the curve of the step alone: the rest is guessed until it is measured.
    pub fn guess(step: Curve) -> Self {
        let row = step.seconds(1);
        Self {
            step,
            guessed: true,
            prepare_slice: Mean::guess(row * 0.5),
            prepare_slices: Mean::guess(1.0),
            decode_slice: Mean::guess(row),
            decode_slices: Mean::guess(2.0),
            preview: Mean::guess(row * 0.05),
        }
    }

    /// From a curve that was measured.
    pub fn measured(step: Curve) -> Self {
        Self { guessed: false, ..Self::guess(step) }
    }

    /// Takes in how long an evaluation took.
    pub fn learn_step(&mut self, rows: u32, seconds: f64) {
        let usable = rows > 0 && seconds.is_finite() && seconds > 0.0;
        if self.guessed && usable {
            self.step = self.step.scaled(seconds / self.step.seconds(rows));
            self.guessed = false;
        }
        self.step.learn(rows, seconds);
    }

    /// Seconds from the first slice to the picture, alone on the device.
    pub fn solo(&self, branches: u32, evaluations: u32) -> f64 {
        self.before() + f64::from(evaluations) * self.step.seconds(branches) + self.after()
    }

    /// Device-seconds of a picture in a full batch.
    pub fn work(&self, branches: u32, evaluations: u32, knee: u32) -> f64 {
        let row = self.step.seconds(knee) / f64::from(knee.max(1));
        self.before() + f64::from(evaluations) * f64::from(branches) * row + self.after()
    }

    /// Seconds of the work before the first step.
    pub fn before(&self) -> f64 {
        self.prepare_slice.seconds() * self.prepare_slices.seconds()
    }

    /// Seconds of decoding.
    pub fn after(&self) -> f64 {
        self.decode_slice.seconds() * self.decode_slices.seconds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_knee_is_where_more_rows_stop_paying() {
        let flat = Curve::new([(1, 0.010), (2, 0.011), (4, 0.013), (8, 0.018), (16, 0.034)]).unwrap();
        assert_eq!(flat.knee(), 16, "470 rows/s at 16, 444 at 8");
        let compute_bound = Curve::new([(1, 0.10), (2, 0.20), (4, 0.40)]).unwrap();
        assert_eq!(compute_bound.knee(), 1);
        assert_eq!(Curve::linear(0.01, 0.01, 32).knee(), 12, "12/(0.01+0.12) = 92.3 rows/s of at most 97.0");
    }

    #[test]
    fn times_between_and_beyond_points_follow_the_lines() {
        let curve = Curve::new([(2, 0.2), (4, 0.3)]).unwrap();
        assert!((curve.seconds(3) - 0.25).abs() < 1e-12);
        assert!((curve.seconds(1) - 0.1).abs() < 1e-12);
        assert!((curve.seconds(6) - 0.4).abs() < 1e-12);
    }

    #[test]
    fn nonsense_makes_no_curve_and_teaches_nothing() {
        assert_eq!(Curve::new([(0, 1.0), (3, f64::NAN)]), None);
        let mut curve = Curve::linear(0.0, 1.0, 2);
        let before = curve.clone();
        curve.learn(2, f64::INFINITY);
        assert_eq!(curve, before);
    }
}
