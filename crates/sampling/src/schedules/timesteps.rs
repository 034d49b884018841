//! Where steps fall among the training steps: diffusers' `timestep_spacing` in its variants.
//!
//! All lists are descending. Rounding is half to even, as numpy rounds; results stay inside the training range, which diffusers leaves to
//! an index error.

use easel_types::TimestepSpacing;

/// A request for timesteps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    pub(super) spacing: TimestepSpacing,
    pub(super) steps: usize,
    pub(super) training_steps: usize,
    pub(super) offset: f64,
}

impl Grid {
    /// `linspace` keeps fractions, in float32: the Euler family.
    pub(super) fn fractional(self) -> Vec<f64> {
        match self.spacing {
            TimestepSpacing::Linspace => self.linspace(self.steps).map(|t| f64::from(t as f32)).collect(),
            _ => self.integer(),
        }
    }

    /// Every timestep an integer: DDIM, DDPM, PNDM.
    pub(super) fn integer(self) -> Vec<f64> {
        match self.spacing {
            TimestepSpacing::Linspace => self.linspace(self.steps).map(f64::round_ties_even).collect(),
            TimestepSpacing::Leading => self.leading(self.steps),
            TimestepSpacing::Trailing => self.trailing(),
        }
    }

    /// One more timestep is placed and the last one left out: DPM-Solver++, UniPC, DEIS.
    pub(super) fn without_last(self) -> Vec<f64> {
        let mut timesteps: Vec<f64> = match self.spacing {
            TimestepSpacing::Linspace => self.linspace(self.steps + 1).map(f64::round_ties_even).collect(),
            TimestepSpacing::Leading => self.leading(self.steps + 1),
            TimestepSpacing::Trailing => self.trailing(),
        };
        timesteps.truncate(self.steps);
        timesteps
    }

    fn linspace(self, count: usize) -> impl Iterator<Item = f64> {
        let last = (self.training_steps - 1) as f64;
        let step = if count > 1 { last / (count - 1) as f64 } else { 0.0 };
        // numpy sets the end point exactly and gives a single value the start, 0.
        (0..count).rev().map(move |i| if i > 0 && i == count - 1 { last } else { i as f64 * step })
    }

    fn leading(self, count: usize) -> Vec<f64> {
        let ratio = self.training_steps / count;
        let last = (self.training_steps - 1) as f64;
        (0..count).rev().map(|i| ((i * ratio) as f64 + self.offset).min(last)).collect()
    }

    fn trailing(self) -> Vec<f64> {
        let top = self.training_steps as f64;
        // numpy's arange goes by the rounded difference of its first two values, which decides ties.
        let step = (top - top / self.steps as f64) - top;
        let at = |i: usize| (top + i as f64 * step).round_ties_even() - 1.0;
        (0..self.steps).map(|i| at(i).max(0.0)).collect()
    }
}
