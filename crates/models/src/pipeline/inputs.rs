//! What a plan brings along besides its text: checks, and the numbers that are computed on the host without any network.

use easel_backend::Plan;
use easel_sampling::{FirstNoise, NoiseStream, noise_source};
use easel_types::{Convention, Gray8, LatentFill, Rgb8, Task};

use super::{Pipeline, TextStates};
use crate::{ModelError, ops::Ops, unet::sinusoid};

/// What the task brings along, before any noise.
pub(super) struct Inputs<'a> {
    pub image: Option<&'a Rgb8>,
    pub mask: Option<&'a Gray8>,
    /// Strength leaves something of the picture in the first latents.
    pub from_image: bool,
}

impl<'a> Inputs<'a> {
    pub fn of(plan: &'a Plan) -> Self {
        match &plan.task {
            Task::TextToImage => Self { image: None, mask: None, from_image: false },
            Task::ImageToImage { image, .. } => Self { image: Some(image), mask: None, from_image: true },
            Task::Inpaint { image, mask, strength } => {
                // A1111 starts from the picture whatever the strength.
                let from_image = *strength < 1.0 || plan.convention == Convention::KDiffusion;
                Self { image: Some(image), mask: Some(mask), from_image }
            }
        }
    }
}

/// The sizes of the output, of the picture and of the mask.
pub(super) fn check_size(plan: &Plan, scale: u32) -> Result<(), ModelError> {
    let bad = |value: u32| value == 0 || !value.is_multiple_of(scale);
    if bad(plan.width) || bad(plan.height) {
        return Err(ModelError::Unsupported(format!(
            "width and height must be multiples of {scale}, not {}x{}",
            plan.width, plan.height
        )));
    }
    let fits = |width: u32, height: u32| (width, height) == (plan.width, plan.height);
    let ok = match &plan.task {
        Task::TextToImage => true,
        Task::ImageToImage { image, .. } => fits(image.width(), image.height()),
        Task::Inpaint { image, mask, .. } => fits(image.width(), image.height()) && fits(mask.width(), mask.height()),
    };
    // A mask has the places of the picture that is encoded.
    let ok = ok
        && plan.handover.picture.as_ref().is_none_or(|from| {
            !bad(from.image.width()) && !bad(from.image.height()) && !matches!(plan.task, Task::Inpaint { .. })
        });
    let ok = ok && plan.controls.iter().all(|control| fits(control.image.width(), control.image.height()));
    match ok {
        true => Ok(()),
        false => Err(ModelError::Unsupported("pictures and mask must have been resized to the output size".into())),
    }
}

/// A1111 takes the posterior sample from a global generator, so in its convention the request's own stream is not touched. Nor is it for a
/// picture of another size, which only A1111 has.
pub(super) fn draws_posterior(plan: &Plan) -> bool {
    plan.convention == Convention::Diffusers && plan.handover.picture.is_none()
}

/// The noise that the first latents are made of; `shape` is (1, channels, height, width).
pub(super) fn first_noise(plan: &Plan, scale: u32, shape: [usize; 4], stream: &mut NoiseStream) -> Vec<f32> {
    let said = &plan.noising;
    let latents = |pixels: u32| (pixels / scale) as usize;
    let first = FirstNoise {
        variation: said.variation.map(|variation| (variation.seed, variation.strength as f32)),
        resized_from: said.resized_from.map(|(width, height)| [latents(height), latents(width)]),
        later_seed_delta: said.later_seed_delta,
    };
    let mut noise = first.draw(stream, plan.noise, plan.seed, [shape[1], shape[2], shape[3]]);
    if plan.task != Task::TextToImage && said.start_factor != 1.0 {
        noise.iter_mut().for_each(|z| *z *= said.start_factor as f32);
    }
    noise
}

/// An encoded picture with what is said to be in its repainted part; `mask` has a value for each place, and counts for all channels.
pub(super) fn filled(plan: &Plan, mut latents: Vec<f32>, mask: &[f32], shape: [usize; 4]) -> Vec<f32> {
    let noise = match plan.noising.fill {
        LatentFill::Picture => return latents,
        LatentFill::Noise { back } => noise_source(plan.noise, plan.seed.wrapping_sub(back)).randn(&shape[1..]),
        LatentFill::Nothing => vec![0.0; latents.len()],
    };
    for (i, (value, z)) in latents.iter_mut().zip(noise).enumerate() {
        let repainted = mask[i % mask.len()];
        *value = *value * (1.0 - repainted) + z * repainted;
    }
    latents
}

/// `image * x0 + noise * eps (+ churn * z)`.
pub(super) fn start(plan: &Plan, image: Option<&[f32]>, noise: &[f32], stream: &mut NoiseStream) -> Vec<f32> {
    let start = plan.table.start;
    let mut latents: Vec<f32> = noise.iter().map(|z| start.noise as f32 * z).collect();
    if let Some(image) = image.filter(|_| start.image != 0.0) {
        latents.iter_mut().zip(image).for_each(|(x, x0)| *x += start.image as f32 * x0);
    }
    if start.churn != 0.0 {
        latents.iter_mut().zip(stream.next()).for_each(|(x, z)| *x += start.churn as f32 * z);
    }
    latents
}

/// SDXL: pooled text, then the sinusoids of original size, crop and target size, each as (height, width).
pub(super) fn text_time<O: Ops>(
    pipeline: &Pipeline<O>,
    plan: &Plan,
    conditional: &TextStates<O::Tensor>,
    unconditional: Option<&TextStates<O::Tensor>>,
) -> Result<Vec<O::Tensor>, ModelError> {
    let config = pipeline.unet.config();
    let Some((dim, input)) = config.text_time else { return Ok(Vec::new()) };
    let (height, width) = (plan.height as f32, plan.width as f32);
    let sizes = sinusoid(&[height, width, 0.0, 0.0, height, width], dim, config.flip_sin_to_cos, config.freq_shift);
    std::iter::once(conditional)
        .chain(unconditional)
        .map(|branch| {
            let mut row = branch.pooled.clone().unwrap_or_default();
            row.extend_from_slice(&sizes);
            Ok(pipeline.ops.upload(&row, &[1, input])?)
        })
        .collect()
}

/// diffusers' `get_guidance_scale_embedding`: sines, then cosines, of `1000 (guidance - 1)`.
pub(super) fn embed_guidance(guidance_scale: f64, width: usize) -> Vec<f32> {
    let half = width / 2;
    let step = (10000f64.ln() / (half as f64 - 1.0)) as f32;
    let w = (guidance_scale - 1.0) as f32 * 1000.0;
    let angles = (0..half).map(|i| w * (-step * i as f32).exp());
    let (sines, cosines): (Vec<f32>, Vec<f32>) = angles.map(|a| (a.sin(), a.cos())).unzip();
    [sines, cosines].concat()
}
