//! What samplers produce and how it becomes a [`Table`]: the evaluations in order, and from them rows, start and mask blending.

use crate::linear::{H1, H2, H3, Linear, X};
use crate::{Blend, NoiseDraw, Row, SamplingError, Start, Table};

/// One evaluation of the denoiser, as a sampler describes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evaluation {
    timestep: f64,
    c_in: f64,
    /// What A1111 compares `s_min_uncond` with: the noise level, or the timestep where latents keep their variance.
    at: f64,
    guided: bool,
    /// The level a picture is noised to when it joins here: for img2img starts and masks.
    level: Blend,
    next: Linear,
    history: [Linear; 3],
    noise: NoiseDraw,
    step: usize,
}

impl Evaluation {
    /// On latents `x0 + sigma * eps`.
    pub(crate) fn ve(step: usize, timestep: f64, sigma: f64) -> Self {
        let c_in = 1.0 / (sigma * sigma + 1.0).sqrt();
        Self { c_in, at: sigma, ..Self::new(step, timestep, Blend { image: 1.0, noise: sigma }) }
    }

    /// On latents `alpha * x0 + sigma * eps`.
    pub(crate) fn vp(step: usize, timestep: f64, alpha: f64, sigma: f64) -> Self {
        Self::new(step, timestep, Blend { image: alpha, noise: sigma })
    }

    fn new(step: usize, timestep: f64, level: Blend) -> Self {
        let (at, guided, history) = (timestep, true, [H1, H2, H3]);
        Self { timestep, c_in: 1.0, at, guided, level, next: X, history, noise: NoiseDraw::None, step }
    }

    /// Sets the next latents.
    pub(crate) fn next(mut self, next: Linear) -> Self {
        self.next = next;
        self
    }

    /// Stores a tensor in place 1, 2 or 3; places not named keep what they have.
    pub(crate) fn keep(mut self, place: usize, form: Linear) -> Self {
        self.history[place - 1] = form;
        self
    }

    /// Stores `newest` in place 1 and moves the others one place on.
    pub(crate) fn push(mut self, newest: Linear) -> Self {
        self.history = [newest, H1, H2];
        self
    }

    /// Draws noise for this update.
    pub(crate) fn draw(mut self, noise: NoiseDraw) -> Self {
        self.noise = noise;
        self
    }

    /// The noise this update draws.
    pub(crate) fn noise(&self) -> NoiseDraw {
        self.noise
    }

    /// Sets the level of masks and img2img starts where it differs from the evaluation's own.
    pub(crate) fn joins_at(mut self, image: f64, noise: f64) -> Self {
        self.level = Blend { image, noise };
        self
    }
}

/// Everything a sampler says about a request.
#[derive(Debug, Clone)]
pub(crate) struct Trajectory {
    /// Scale of the initial noise when no picture is given.
    pub(crate) initial_noise: f64,
    /// Scale of a second draw before the first evaluation.
    pub(crate) churn: f64,
    /// The evaluations, the first one that runs first.
    pub(crate) evaluations: Vec<Evaluation>,
    /// The range of the Brownian motion, if any.
    pub(crate) brownian_range: Option<(f64, f64)>,
}

impl Trajectory {
    pub(crate) fn new(initial_noise: f64, evaluations: Vec<Evaluation>) -> Self {
        Self { initial_noise, churn: 0.0, evaluations, brownian_range: None }
    }

    /// Adds a draw before the first evaluation.
    pub(crate) fn with_churn(self, churn: f64) -> Self {
        Self { churn, ..self }
    }

    /// With this factor on all noise that is added between the steps and before the first.
    pub(crate) fn with_noise_times(mut self, factor: f64) -> Self {
        self.churn *= factor;
        self.evaluations.iter_mut().for_each(|evaluation| evaluation.next.0[5] *= factor);
        self
    }

    /// Without the unconditional branch below a level: in every second evaluation, from the second on, or in all.
    pub(crate) fn unguided_below(mut self, level: f64, in_all: bool) -> Self {
        let below =
            self.evaluations.iter_mut().enumerate().filter(|(i, evaluation)| evaluation.at < level && (in_all || i % 2 == 1));
        below.for_each(|(_, evaluation)| evaluation.guided = false);
        self
    }

    /// Adds the range of a Brownian motion.
    pub(crate) fn with_brownian(self, range: (f64, f64)) -> Self {
        Self { brownian_range: Some(range), ..self }
    }

    /// The finished table; an error instead of a number that is not finite.
    pub(crate) fn into_table(self, from_picture: bool) -> Result<Table, SamplingError> {
        let first = self.evaluations.first().map(|evaluation| (evaluation.level, evaluation.step));
        let (level, first_step) = first.unwrap_or((Blend { image: 1.0, noise: 0.0 }, 0));
        let start = match from_picture {
            true => Start { image: level.image, noise: level.noise, churn: self.churn },
            false => Start { image: 0.0, noise: self.initial_noise, churn: self.churn },
        };
        let levels = self.evaluations.iter().skip(1).map(|evaluation| evaluation.level);
        let blends = levels.chain([Blend { image: 1.0, noise: 0.0 }]);
        let rows = self.evaluations.iter().zip(blends).map(|(evaluation, blend)| row(evaluation, blend, first_step)).collect();
        let table = Table { start, rows, brownian_range: self.brownian_range };
        if is_finite(&table) {
            return Ok(table);
        }
        let why = "these options give coefficients that are not finite; use fewer steps or another schedule";
        Err(SamplingError::Unsupported(why.into()))
    }
}

fn row(evaluation: &Evaluation, blend: Blend, first_step: usize) -> Row {
    Row {
        timestep: evaluation.timestep,
        c_in: evaluation.c_in,
        x: evaluation.next.0,
        history: evaluation.history.map(Linear::without_noise),
        guided: evaluation.guided,
        noise: evaluation.noise,
        blend,
        step: (evaluation.step - first_step) as u32,
    }
}

fn is_finite(table: &Table) -> bool {
    let start = [table.start.image, table.start.noise, table.start.churn];
    let row = |row: &Row| {
        let scalars = [row.timestep, row.c_in, row.blend.image, row.blend.noise];
        scalars.iter().chain(&row.x).chain(row.history.iter().flatten()).all(|number| number.is_finite())
    };
    start.iter().all(|number| number.is_finite()) && table.rows.iter().all(row)
}
