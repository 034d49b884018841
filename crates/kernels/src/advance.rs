//! The sampler's update of one picture, guidance included, in one pass over its elements.
//!
//! With `c` and `u` the conditional and unconditional model output, `g` the guidance scale and `r` the rescaling (Lin et al. 2024, §3.4):
//!
//! ```text
//! m     = ((1 - g) u + g c) * (r sd(c) / sd((1 - g) u + g c) + 1 - r)        (m = c without guidance)
//! x'    = x[0] x + x[1] m + x[2] h1 + x[3] h2 + x[4] h3 + x[5] z
//! h_k'  = store[k] . (x, m, h1, h2, h3)                                       (all from the old values)
//! x'    = mask x' + (1 - mask) (image_factor * image + noise_factor * noise)  (where a picture is partly kept)
//! ```
//!
//! Sums are in f64 and rounded to f32 once. A term whose coefficient is 0 is not read, so what is in it (not a number, a tensor that is not
//! there) does not matter. Every element depends on its own place in the inputs alone, but for the two deviations of the rescaling.

/// Elements worked on at a time: two accumulators of this size stay in the first-level cache.
const BLOCK: usize = 512;

/// The unconditional branch.
#[derive(Debug, Clone, Copy)]
pub struct Guidance<'a> {
    /// The model's output without the prompt.
    pub unconditional: &'a [f32],
    /// Weight of the conditional output.
    pub scale: f64,
    /// Rescaling towards the conditional output's deviation, 0..=1.
    pub rescale: f64,
}

/// What the kept part of a picture is set to.
#[derive(Debug, Clone, Copy)]
pub struct Blend<'a> {
    /// 1 where the update holds, 0 where the picture is kept.
    pub mask: &'a [f32],
    /// The clean latents.
    pub image: &'a [f32],
    /// The initial noise.
    pub noise: &'a [f32],
    /// Factor of the clean latents.
    pub image_factor: f64,
    /// Factor of the initial noise.
    pub noise_factor: f64,
}

/// One picture's update; all slices have one length.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// `x`.
    pub latents: &'a [f32],
    /// `c`.
    pub output: &'a [f32],
    /// Classifier-free guidance.
    pub guidance: Option<Guidance<'a>>,
    /// `h1..h3`; one that is absent counts as zeros.
    pub history: [Option<&'a [f32]>; 3],
    /// `z`; absent noise counts as zeros.
    pub noise: Option<&'a [f32]>,
    /// The kept part.
    pub blend: Option<Blend<'a>>,
    /// Coefficients of the next latents over (x, m, h1, h2, h3, z).
    pub x: [f64; 6],
    /// Coefficients over (x, m, h1, h2, h3) of the tensors that are computed anew.
    pub store: [Option<[f64; 5]>; 3],
}

/// What an update gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    /// `x'`.
    pub latents: Vec<f32>,
    /// `h1'..h3'` where they were asked for.
    pub stored: [Option<Vec<f32>>; 3],
    /// Every number written is finite.
    pub finite: bool,
}

/// The next latents and stored tensors of one picture.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn advance(update: &Update<'_>) -> Updated {
    let len = update.latents.len();
    check_lengths(update, len);
    let output_factor = rescaling(update);
    let mut latents = Vec::with_capacity(len);
    let mut stored = update.store.map(|asked| asked.map(|_| Vec::with_capacity(len)));
    let mut finite = true;
    let (mut guided, mut sum) = ([0f64; BLOCK], [0f64; BLOCK]);
    for start in (0..len).step_by(BLOCK) {
        let end = (start + BLOCK).min(len);
        let (guided, sum) = (&mut guided[..end - start], &mut sum[..end - start]);
        guide(update, output_factor, start, guided);
        for (coefficients, out) in update.store.iter().zip(&mut stored) {
            if let (Some(coefficients), Some(out)) = (coefficients, out) {
                combine(update, guided, coefficients, start, sum);
                finite &= write(sum, out);
            }
        }
        combine(update, guided, &update.x, start, sum);
        if let Some(blend) = &update.blend {
            keep(blend, start, sum);
        }
        finite &= write(sum, &mut latents);
    }
    Updated { latents, stored, finite }
}

fn check_lengths(update: &Update<'_>, len: usize) {
    let guidance = update.guidance.map(|guidance| guidance.unconditional);
    let blend = update.blend.iter().flat_map(|blend| [blend.mask, blend.image, blend.noise]);
    let others = update.history.into_iter().flatten().chain(update.noise).chain(guidance).chain(blend);
    for other in others.chain([update.output]) {
        assert_eq!(other.len(), len, "every tensor of an update has the latents' length. This is a bug.");
    }
}

/// What the guided output is multiplied by.
fn rescaling(update: &Update<'_>) -> f64 {
    match update.guidance {
        Some(guidance) if guidance.rescale != 0.0 => {
            let guided = (0..update.output.len()).map(|i| mix(&guidance, update.output[i], guidance.unconditional[i]));
            let ratio = deviation(update.output.iter().map(|v| f64::from(*v))) / deviation(guided).max(f64::MIN_POSITIVE);
            guidance.rescale * ratio + 1.0 - guidance.rescale
        }
        _ => 1.0,
    }
}

fn mix(guidance: &Guidance<'_>, conditional: f32, unconditional: f32) -> f64 {
    (1.0 - guidance.scale) * f64::from(unconditional) + guidance.scale * f64::from(conditional)
}

/// The unbiased standard deviation.
fn deviation(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let count = values.len() as f64;
    let mean = values.clone().sum::<f64>() / count;
    (values.map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt()
}

fn guide(update: &Update<'_>, factor: f64, start: usize, out: &mut [f64]) {
    let conditional = &update.output[start..start + out.len()];
    match &update.guidance {
        Some(guidance) if guidance.scale != 1.0 => {
            let unconditional = &guidance.unconditional[start..start + out.len()];
            for ((out, c), u) in out.iter_mut().zip(conditional).zip(unconditional) {
                *out = mix(guidance, *c, *u) * factor;
            }
        }
        _ => out.iter_mut().zip(conditional).for_each(|(out, c)| *out = f64::from(*c) * factor),
    }
}

/// The weighted sum over (x, m, h1, h2, h3, z), as many of them as there are coefficients.
fn combine(update: &Update<'_>, guided: &[f64], coefficients: &[f64], start: usize, sum: &mut [f64]) {
    let [h1, h2, h3] = update.history;
    let sources = [Some(update.latents), None, h1, h2, h3, update.noise];
    sum.fill(0.0);
    for (i, (coefficient, source)) in coefficients.iter().zip(sources).enumerate() {
        if *coefficient == 0.0 {
            continue;
        }
        match source {
            Some(values) => {
                let values = &values[start..start + sum.len()];
                sum.iter_mut().zip(values).for_each(|(sum, v)| *sum += coefficient * f64::from(*v));
            }
            None if i == 1 => sum.iter_mut().zip(guided).for_each(|(sum, m)| *sum += coefficient * m),
            None => {}
        }
    }
}

fn keep(blend: &Blend<'_>, start: usize, sum: &mut [f64]) {
    let active = |factor: f64, values: &[f32], i: usize| if factor == 0.0 { 0.0 } else { factor * f64::from(values[i]) };
    for (i, sum) in (start..).zip(sum) {
        let mask = f64::from(blend.mask[i]);
        let kept = active(blend.image_factor, blend.image, i) + active(blend.noise_factor, blend.noise, i);
        *sum = mask * *sum + (1.0 - mask) * kept;
    }
}

/// Appends the rounded numbers and says whether all are finite.
fn write(sum: &[f64], out: &mut Vec<f32>) -> bool {
    let start = out.len();
    out.extend(sum.iter().map(|v| *v as f32));
    out[start..].iter().all(|v| v.is_finite())
}
