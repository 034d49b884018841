//! The table a sampler becomes: one [`Row`] per evaluation of the denoiser.

/// Where the noise of a row comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoiseDraw {
    /// The row uses no noise and draws none.
    None,
    /// The next normal tensor of the request's generator; drawn even if its coefficient is zero, because the stream advances.
    Next,
    /// The increment of the request's Brownian motion between two noise levels, normalised to unit variance.
    Brownian {
        /// The noise level the step starts from.
        from: f64,
        /// The noise level it ends at.
        to: f64,
    },
}

/// What the kept part of a masked picture is set to after an evaluation: `image * x0 + noise * eps`, eps being the initial noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blend {
    /// Factor of the clean latents.
    pub image: f64,
    /// Factor of the initial noise.
    pub noise: f64,
}

/// One evaluation of the denoiser and the update after it.
///
/// With `m` the model output, guided where the row is, at `(c_in * x, timestep)`, `h1..h3` the stored tensors and `z` the noise:
/// `x' = x[0]*x + x[1]*m + x[2]*h1 + x[3]*h2 + x[4]*h3 + x[5]*z` and `h_k' = history[k-1] . (x, m, h1, h2, h3)`, all from the old values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Time given to the denoiser, in training steps; may be fractional.
    pub timestep: f64,
    /// Scale of the denoiser's input.
    pub c_in: f64,
    /// Coefficients of the next latents over (x, m, h1, h2, h3, z).
    pub x: [f64; 6],
    /// Coefficients of the next stored tensors over (x, m, h1, h2, h3); the identity where nothing is stored.
    pub history: [[f64; 5]; 3],
    /// The unconditional branch is evaluated, too. Without it the conditional output counts alone.
    pub guided: bool,
    /// The noise of this row.
    pub noise: NoiseDraw,
    /// For masked blending on models without mask channels.
    pub blend: Blend,
    /// The user's step this evaluation belongs to, from 0; samplers with two evaluations a step repeat it.
    pub step: u32,
}

/// How the first latents are made: `image * x0 + noise * eps`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// Factor of the encoded picture; 0 for text-to-image.
    pub image: f64,
    /// Factor of the initial noise.
    pub noise: f64,
    /// Factor of a second draw added before the first evaluation (churn in the k-diffusion convention); 0 draws nothing.
    pub churn: f64,
}

/// A request's whole trajectory.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The first latents.
    pub start: Start,
    /// One row per evaluation, in order; empty when strength leaves no step to run.
    pub rows: Vec<Row>,
    /// Range of noise levels (lowest positive, highest) over which the Brownian motion of [`NoiseDraw::Brownian`] rows is defined.
    pub brownian_range: Option<(f64, f64)>,
}

impl Table {
    /// The user-visible steps of the table.
    pub fn steps(&self) -> u32 {
        self.rows.last().map_or(0, |last| last.step + 1 - self.rows[0].step)
    }
}
