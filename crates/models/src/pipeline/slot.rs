//! One picture in the making: its tensors, and the one function that advances a batch of them by one evaluation.
//!
//! Random numbers are drawn in diffusers' order, so that a seed gives the picture diffusers gives: the posterior sample of the picture first,
//! then the initial noise, then the posterior sample of the masked picture, then the sampler's own noise.

use easel_backend::Plan;
use easel_sampling::{NoiseStream, Row};
use easel_types::{Convention, Gray8, Rgb8, Task};

use super::{
    Pipeline, TextStates, Texts,
    picture::{binarise, normalise, subsample},
};
use crate::{
    ModelError,
    ops::Ops,
    prompt::PromptOptions,
    unet::{Conditioning, sinusoid},
};

/// The tensors of one picture. All maps have one row.
pub struct SlotState<O: Ops> {
    plan: Plan,
    stream: NoiseStream,
    latents: O::Tensor,
    history: [Option<O::Tensor>; 3],
    noise: O::Tensor,
    /// Masked blending on 4-channel models: the encoded picture and the mask.
    kept: Option<(O::Tensor, O::Tensor)>,
    /// Mask and masked picture of 9-channel models.
    mask_channels: Option<O::Tensor>,
    conditional: TextStates<O::Tensor>,
    unconditional: Option<TextStates<O::Tensor>>,
    /// (1, width) rows beside the text, conditional first.
    text_time: Vec<O::Tensor>,
    guidance_embedding: Option<O::Tensor>,
}

/// What states that share a call of the denoiser have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchKey {
    width: u32,
    height: u32,
    tokens: usize,
}

/// What the task brings along, before any noise.
struct Inputs<'a> {
    image: Option<&'a Rgb8>,
    mask: Option<&'a Gray8>,
    /// Strength leaves something of the picture in the first latents.
    from_image: bool,
}

impl<'a> Inputs<'a> {
    fn of(task: &'a Task) -> Self {
        match task {
            Task::TextToImage => Self { image: None, mask: None, from_image: false },
            Task::ImageToImage { image, .. } => Self { image: Some(image), mask: None, from_image: true },
            Task::Inpaint { image, mask, strength } => Self { image: Some(image), mask: Some(mask), from_image: *strength < 1.0 },
        }
    }
}

impl<O: Ops> SlotState<O> {
    /// Encodes prompts and pictures and draws the initial noise.
    pub fn admit(pipeline: &Pipeline<O>, plan: &Plan, options: PromptOptions) -> Result<Self, ModelError> {
        let description = &pipeline.description;
        check_size(plan, description.scale)?;
        let (height, width) = ((plan.height / description.scale) as usize, (plan.width / description.scale) as usize);
        let shape = [1, description.latent_channels, height, width];
        let embedded_guidance = pipeline.unet.config().time_cond_proj_dim;
        let guided = plan.branches > 1;
        let Texts { conditional, unconditional } =
            pipeline.encode_text(&plan.prompt, plan.negative_prompt.as_deref(), guided, options, plan.clip_skip)?;

        let mut stream = NoiseStream::new(plan.noise, plan.seed, &shape, plan.table.brownian_range);
        let ops = pipeline.ops.as_ref();
        let inputs = Inputs::of(&plan.task);
        let pixels = inputs.image.map(normalise);
        let mask = inputs.mask.map(binarise);
        let size = [plan.height as usize, plan.width as usize];
        let nine = description.has_mask_channels;
        let image = match &pixels {
            Some(pixels) if inputs.from_image || !nine => Some(encode(pipeline, plan, pixels, size, &mut stream)?),
            _ => None,
        };
        let noise = stream.next();
        let mask_channels = match nine {
            true => Some(encode_mask_channels(pipeline, plan, pixels.as_deref(), mask.as_deref(), &mut stream)?),
            false => None,
        };
        if mask.is_some() && !nine && draws_posterior(plan) {
            // diffusers encodes the masked picture here even for models that never look at it.
            stream.next();
        }
        let latents = start(plan, image.as_deref(), &noise, &mut stream);
        let kept = match (&mask, &image) {
            (Some(mask), Some(image)) if !nine => {
                let small = subsample(mask, size[1], size[0], description.scale as usize);
                let small = small.repeat(description.latent_channels);
                Some((ops.upload(image, &shape)?, ops.upload(&small, &shape)?))
            }
            _ => None,
        };
        let state = Self {
            latents: ops.upload(&latents, &shape)?,
            noise: ops.upload(&noise, &shape)?,
            history: [None, None, None],
            text_time: text_time(pipeline, plan, &conditional, unconditional.as_ref())?,
            guidance_embedding: embedded_guidance
                .map(|w| ops.upload(&embed_guidance(plan.guidance_scale, w), &[1, w]))
                .transpose()?,
            plan: plan.clone(),
            stream,
            kept,
            mask_channels,
            conditional,
            unconditional,
        };
        Ok(state)
    }

    /// What it was admitted with.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The latents, (1, channels, height, width).
    pub fn latents(&self) -> &O::Tensor {
        &self.latents
    }

    /// What it must have in common with another state to share a call of the denoiser.
    pub fn batch_key(&self) -> BatchKey {
        BatchKey { width: self.plan.width, height: self.plan.height, tokens: self.conditional.tokens }
    }

    fn branches(&self) -> impl Iterator<Item = &TextStates<O::Tensor>> {
        std::iter::once(&self.conditional).chain(&self.unconditional)
    }

    /// The denoiser's input of one branch.
    fn input(&self, ops: &O, row: &Row) -> Result<O::Tensor, ModelError> {
        let scaled = ops.combine(&[(row.c_in, &self.latents)])?;
        Ok(match &self.mask_channels {
            None => scaled,
            Some(extra) => ops.concat_channels(&[&scaled, extra])?,
        })
    }

    /// The sampler's update with the guided output `m`.
    fn update(&mut self, ops: &O, row: &Row, m: &O::Tensor) -> Result<(), ModelError> {
        let z = match self.stream.draw(&row.noise) {
            Some(z) => Some(ops.upload(&z, &ops.shape(&self.latents))?),
            None => None,
        };
        let old = [
            Some(&self.latents),
            Some(m),
            self.history[0].as_ref(),
            self.history[1].as_ref(),
            self.history[2].as_ref(),
            z.as_ref(),
        ];
        let mut next = weighted(ops, &row.x, &old)?;
        let mut history = [None, None, None];
        for (k, coefficients) in row.history.iter().enumerate() {
            let identity = coefficients.iter().enumerate().all(|(i, c)| *c == f64::from(u8::from(i == k + 2)));
            // A multistep sampler shifts its history from the first step on, when there is nothing to shift yet.
            let present = coefficients.iter().zip(&old).any(|(c, tensor)| *c != 0.0 && tensor.is_some());
            history[k] = match (identity, present) {
                (true, _) => self.history[k].clone(),
                (false, true) => Some(weighted(ops, coefficients, &old)?),
                (false, false) => None,
            };
        }
        if let Some((image, mask)) = &self.kept {
            let outside = ops.combine(&[(row.blend.image, image), (row.blend.noise, &self.noise)])?;
            next = ops.blend(mask, &next, &outside)?;
        }
        self.latents = next;
        self.history = history;
        Ok(())
    }
}

/// Advances every state by its row: one call of the denoiser for all branches of all of them. States must share a [`SlotState::batch_key`].
pub fn advance<O: Ops>(pipeline: &Pipeline<O>, batch: &mut [(&mut SlotState<O>, Row)]) -> Result<(), ModelError> {
    let ops = pipeline.ops.as_ref();
    let (mut inputs, mut contexts, mut text_times, mut guidances, mut times) = (vec![], vec![], vec![], vec![], vec![]);
    for (state, row) in batch.iter() {
        let input = state.input(ops, row)?;
        for (i, branch) in state.branches().enumerate() {
            inputs.push(input.clone());
            contexts.push(branch.context.clone());
            times.push(row.timestep as f32);
            text_times.extend(state.text_time.get(i).cloned());
            guidances.extend(state.guidance_embedding.clone());
        }
    }
    let join = |parts: &[O::Tensor]| ops.concat_rows(&parts.iter().collect::<Vec<_>>());
    let optional = |parts: &[O::Tensor]| (!parts.is_empty()).then(|| join(parts)).transpose();
    let (text_time, guidance) = (optional(&text_times)?, optional(&guidances)?);
    let context = join(&contexts)?;
    let given = Conditioning { context: &context, text_time: text_time.as_ref(), guidance: guidance.as_ref() };
    let output = pipeline.unet.forward(ops, &join(&inputs)?, &times, &given)?;

    let mut at = 0;
    for (state, row) in batch.iter_mut() {
        let conditional = ops.rows(&output, at, 1)?;
        let m = match state.unconditional {
            None => conditional,
            Some(_) => {
                let unconditional = ops.rows(&output, at + 1, 1)?;
                guide(ops, &state.plan, &conditional, &unconditional)?
            }
        };
        at += 1 + usize::from(state.unconditional.is_some());
        state.update(ops, row, &m)?;
    }
    Ok(())
}

/// Classifier-free guidance (Ho & Salimans 2022), rescaled towards the conditional deviation where asked (Lin et al. 2024, §3.4).
fn guide<O: Ops>(ops: &O, plan: &Plan, conditional: &O::Tensor, unconditional: &O::Tensor) -> Result<O::Tensor, ModelError> {
    let scale = plan.guidance_scale;
    let m = ops.combine(&[(1.0 - scale, unconditional), (scale, conditional)])?;
    if plan.guidance_rescale == 0.0 {
        return Ok(m);
    }
    let ratio = deviation(&ops.download(conditional)?) / deviation(&ops.download(&m)?).max(f64::MIN_POSITIVE);
    Ok(ops.combine(&[(plan.guidance_rescale * ratio + 1.0 - plan.guidance_rescale, &m)])?)
}

/// The unbiased standard deviation.
fn deviation(values: &[f32]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().map(|v| *v as f64).sum::<f64>() / n;
    (values.iter().map(|v| (*v as f64 - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}

fn weighted<O: Ops>(ops: &O, factors: &[f64], tensors: &[Option<&O::Tensor>]) -> Result<O::Tensor, ModelError> {
    let mut terms = Vec::with_capacity(factors.len());
    for (i, (factor, tensor)) in factors.iter().zip(tensors).enumerate() {
        match tensor {
            Some(tensor) if *factor != 0.0 || i == 0 => terms.push((*factor, *tensor)),
            None if *factor != 0.0 => {
                return Err(ModelError::Unsupported("the sampler's table reads a tensor it never stored. This is a bug.".into()));
            }
            _ => {}
        }
    }
    Ok(ops.combine(&terms)?)
}

fn check_size(plan: &Plan, scale: u32) -> Result<(), ModelError> {
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
    match ok {
        true => Ok(()),
        false => Err(ModelError::Unsupported("picture and mask must have been resized to the output size".into())),
    }
}

/// A1111 takes the posterior sample from a global generator, so in its convention the request's own stream is not touched.
fn draws_posterior(plan: &Plan) -> bool {
    plan.convention == Convention::Diffusers
}

fn encode<O: Ops>(
    pipeline: &Pipeline<O>,
    plan: &Plan,
    pixels: &[f32],
    size: [usize; 2],
    stream: &mut NoiseStream,
) -> Result<Vec<f32>, ModelError> {
    pipeline.encode_picture(pixels, size, |shape| match draws_posterior(plan) {
        true => stream.next(),
        false => vec![0.0; shape.iter().product()],
    })
}

/// Mask and encoded masked picture. Without a mask everything is repainted from mid-grey, as A1111 runs such models on text alone.
fn encode_mask_channels<O: Ops>(
    pipeline: &Pipeline<O>,
    plan: &Plan,
    pixels: Option<&[f32]>,
    mask: Option<&[f32]>,
    stream: &mut NoiseStream,
) -> Result<O::Tensor, ModelError> {
    let (height, width) = (plan.height as usize, plan.width as usize);
    let everything = vec![1.0; height * width];
    let mask = mask.unwrap_or(&everything);
    let masked: Vec<f32> = match pixels {
        None => vec![0.0; 3 * height * width],
        Some(pixels) => pixels.iter().enumerate().map(|(i, v)| if mask[i % mask.len()] < 0.5 { *v } else { 0.0 }).collect(),
    };
    let latents = encode(pipeline, plan, &masked, [height, width], stream)?;
    let scale = pipeline.description.scale as usize;
    let mut channels = subsample(mask, width, height, scale);
    channels.extend(latents);
    let shape = [1, 1 + pipeline.description.latent_channels, height / scale, width / scale];
    Ok(pipeline.ops.upload(&channels, &shape)?)
}

/// `image * x0 + noise * eps (+ churn * z)`.
fn start(plan: &Plan, image: Option<&[f32]>, noise: &[f32], stream: &mut NoiseStream) -> Vec<f32> {
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
fn text_time<O: Ops>(
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
fn embed_guidance(guidance_scale: f64, width: usize) -> Vec<f32> {
    let half = width / 2;
    let step = (10000f64.ln() / (half as f64 - 1.0)) as f32;
    let w = (guidance_scale - 1.0) as f32 * 1000.0;
    let angles = (0..half).map(|i| w * (-step * i as f32).exp());
    let (sines, cosines): (Vec<f32>, Vec<f32>) = angles.map(|a| (a.sin(), a.cos())).unzip();
    [sines, cosines].concat()
}
