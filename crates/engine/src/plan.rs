//! From a request to one plan per picture: defaults filled in, limits checked, seeds counted, the coefficient table built.
//!
//! Pure: no clock, no randomness, no device. Runs on the caller's thread, so a bad request never reaches the queue.

use std::sync::Arc;

use easel_backend::{ModelDescription, Plan};
use easel_sampling::{SamplerConfig, SamplingError, Table};
use easel_types::{
    ControlUse, Convention, FromPicture, GenerationRequest, Handover, LoraUse, Noising, SigmaSchedule, Task, Variation, WornCell,
};

use crate::{Limits, PlanError, Resolved, TaskKind};

/// The longest "clip skip" that leaves a text encoder of any known model with a layer.
const CLIP_SKIP_MAX: u32 = 11;
/// More LoRAs than anybody mixes; each costs time in every step.
const LORAS_MAX: u64 = 32;
/// The largest weight of a LoRA, either way.
const LORA_WEIGHT_MAX: f64 = 100.0;
/// More ControlNets than anybody mixes; each costs about a third of a step.
const CONTROLS_MAX: u64 = 8;
const CONTROL_WEIGHT_MAX: f64 = 10.0;
/// The largest factor of a start picture's noise.
const NOISE_FACTOR_MAX: f64 = 10.0;

/// A request, planned.
#[derive(Debug, Clone)]
pub struct Planned {
    /// One plan per picture, in the order of their seeds.
    pub plans: Vec<Plan>,
    /// What each picture is made with, in the same order.
    pub resolved: Vec<Resolved>,
}

/// Plans a request for a model. `drawn_seed` is used where the request names none.
pub fn plan(
    request: &GenerationRequest,
    model: &ModelDescription,
    limits: &Limits,
    drawn_seed: u64,
) -> Result<Planned, PlanError> {
    check_text("prompt", &request.prompt, limits)?;
    check_text("negative_prompt", request.negative_prompt.as_deref().unwrap_or_default(), limits)?;
    check_integer("n", u64::from(request.num_images), 1, u64::from(limits.images_max))?;
    let (width, height) = output_size(request, model, limits)?;
    check_task(&request.task, width, height)?;
    check_encoded(request.handover.picture.as_ref(), model.size_multiple, limits)?;
    let steps = request.num_inference_steps.unwrap_or(model.num_inference_steps);
    check_integer("num_inference_steps", u64::from(steps), 1, u64::from(limits.steps_max))?;
    let guidance_scale = request.guidance_scale.unwrap_or(model.guidance_scale);
    check_number("guidance_scale", guidance_scale, 0.0, limits.guidance_max)?;
    check_number("guidance_rescale", request.guidance_rescale, 0.0, 1.0)?;
    if let Some(clip_skip) = request.clip_skip {
        check_integer("clip_skip", u64::from(clip_skip), 0, u64::from(CLIP_SKIP_MAX))?;
    }
    check_loras(&request.loras)?;
    check_controls(&request.controls, width, height)?;
    check_noising(&request.noising, limits)?;
    let sampler = sampler_config(request, model);
    if let Some(eta) = sampler.eta {
        check_number("eta", eta, 0.0, 1.0)?;
    }
    let strength = strength(&request.task);
    check_number("strength", strength.unwrap_or(1.0), 0.0, 1.0)?;
    let table = Arc::new(table(&sampler, model, steps, &request.task)?);

    let first_seed = request.seed.unwrap_or(drawn_seed);
    let resolved: Vec<_> = (0..request.num_images)
        .map(|i| Resolved {
            task: task_kind(&request.task),
            prompt: request.prompt.clone(),
            negative_prompt: request.negative_prompt.clone(),
            loras: request.loras.clone(),
            model: model.id.clone(),
            model_hash: model.hash.clone(),
            width,
            height,
            // Variations of one seed differ in the other.
            seed: if request.noising.variation.is_some() { first_seed } else { first_seed.wrapping_add(u64::from(i)) },
            noise: request.noise,
            noising: noising_of(&request.noising, i),
            sampler: sampler.kind,
            schedule: sampler.schedule,
            timestep_spacing: sampler.timestep_spacing,
            convention: sampler.convention,
            num_inference_steps: steps,
            guidance_scale,
            guidance_rescale: request.guidance_rescale,
            eta: sampler.eta,
            clip_skip: request.clip_skip,
            strength,
            worn: WornCell::default(),
        })
        .collect();
    let plans = resolved
        .iter()
        .zip(0..)
        .map(|(r, i)| Plan {
            controls: request.controls.clone(),
            handover: Handover {
                leave: request.handover.leave.get(i).cloned().into_iter().collect(),
                from: request.handover.from.clone(),
                picture: request.handover.picture.clone(),
                worn: r.worn.clone(),
            },
            ..backend_plan(r, &request.task, &table, model.embeds_guidance)
        })
        .collect();
    Ok(Planned { plans, resolved })
}

fn backend_plan(resolved: &Resolved, task: &Task, table: &Arc<Table>, embeds_guidance: bool) -> Plan {
    Plan {
        model: resolved.model.clone(),
        prompt: resolved.prompt.clone(),
        negative_prompt: resolved.negative_prompt.clone(),
        loras: resolved.loras.clone(),
        controls: Vec::new(),
        clip_skip: resolved.clip_skip,
        task: task.clone(),
        width: resolved.width,
        height: resolved.height,
        guidance_scale: resolved.guidance_scale,
        branches: if resolved.guidance_scale > 1.0 && !embeds_guidance { 2 } else { 1 },
        guidance_rescale: resolved.guidance_rescale,
        seed: resolved.seed,
        noise: resolved.noise,
        noising: resolved.noising.clone(),
        handover: Handover::default(),
        convention: resolved.convention,
        table: Arc::clone(table),
    }
}

/// The size a request's pictures will have: as asked for, else the start picture's (rounded down), else the model's own.
///
/// Callers resize a start picture and its mask to this size before they submit.
pub fn output_size(request: &GenerationRequest, model: &ModelDescription, limits: &Limits) -> Result<(u32, u32), PlanError> {
    let multiple = model.size_multiple.max(1);
    let (default_width, default_height) = match &request.task {
        Task::TextToImage => (model.width, model.height),
        Task::ImageToImage { image, .. } | Task::Inpaint { image, .. } => {
            (image.width() / multiple * multiple, image.height() / multiple * multiple)
        }
    };
    let width = request.width.unwrap_or(default_width);
    let height = request.height.unwrap_or(default_height);
    for (param, side) in [("width", width), ("height", height)] {
        if side < limits.side_min || side > limits.side_max {
            let message = format!("`{param}` must be between {} and {} pixels, got {side}", limits.side_min, limits.side_max);
            return Err(PlanError::Size { param, message });
        }
        if side % multiple != 0 {
            let near = (side / multiple * multiple).max(limits.side_min.next_multiple_of(multiple));
            let message = format!("`{param}` must be a multiple of {multiple} for this model, got {side}; try {near}");
            return Err(PlanError::Size { param, message });
        }
    }
    if u64::from(width) * u64::from(height) > limits.pixels_max {
        let message = format!("a picture may have at most {} pixels, {width}x{height} has more", limits.pixels_max);
        return Err(PlanError::Size { param: "size", message });
    }
    Ok((width, height))
}

/// The model's own sampler with what the request says about it; another sampler starts from that sampler's defaults.
fn sampler_config(request: &GenerationRequest, model: &ModelDescription) -> SamplerConfig {
    let own = &model.sampler;
    let mut config = match request.sampler {
        // As diffusers' `from_config`: what the two samplers have in common carries over.
        Some(kind) if kind != own.kind => SamplerConfig {
            set_alpha_to_one: own.set_alpha_to_one,
            steps_offset: own.steps_offset,
            timestep_spacing: own.timestep_spacing,
            ..SamplerConfig::new(kind, SigmaSchedule::Normal)
        },
        _ => own.clone(),
    };
    config.convention = request.convention;
    if let Some(schedule) = request.schedule {
        config.schedule = schedule;
    }
    if request.timestep_spacing.is_some() {
        config.timestep_spacing = request.timestep_spacing;
    }
    if request.eta.is_some() {
        config.eta = request.eta;
    }
    let noising = &request.noising;
    config.s_churn = noising.churn;
    config.s_tmin = noising.churn_from;
    config.s_tmax = noising.churn_to;
    config.s_noise = noising.step_factor;
    config.whole_steps = noising.whole_steps;
    (config.s_min_uncond, config.s_min_uncond_all) = (noising.unguided_below, noising.unguided_always);
    if noising.discard_next_to_last.is_some() {
        config.discard_next_to_last_sigma = noising.discard_next_to_last;
    }
    config
}

/// Inpainting at full strength starts from noise alone in diffusers; A1111 always starts from the picture.
fn table(sampler: &SamplerConfig, model: &ModelDescription, steps: u32, task: &Task) -> Result<Table, PlanError> {
    let strength = match task {
        Task::Inpaint { strength, .. } if *strength >= 1.0 && sampler.convention == Convention::Diffusers => None,
        task => strength(task),
    };
    easel_sampling::table(sampler, &model.training, steps, strength).map_err(|error| match error {
        SamplingError::OutOfRange { name, expected, got } => {
            PlanError::OutOfRange { param: name, expected: expected.to_owned(), got }
        }
        SamplingError::Unsupported(message) | SamplingError::Config(message) => {
            PlanError::Unsupported { param: "sampler", message }
        }
    })
}

fn strength(task: &Task) -> Option<f64> {
    match task {
        Task::TextToImage => None,
        Task::ImageToImage { strength, .. } | Task::Inpaint { strength, .. } => Some(*strength),
    }
}

fn task_kind(task: &Task) -> TaskKind {
    match task {
        Task::TextToImage => TaskKind::TextToImage,
        Task::ImageToImage { .. } => TaskKind::ImageToImage,
        Task::Inpaint { .. } => TaskKind::Inpaint,
    }
}

fn check_task(task: &Task, width: u32, height: u32) -> Result<(), PlanError> {
    let check = |param, got: (u32, u32)| {
        let message = format!("the {param} is {}x{}, it must have the output size {width}x{height}", got.0, got.1);
        if got == (width, height) { Ok(()) } else { Err(PlanError::Size { param, message }) }
    };
    match task {
        Task::TextToImage => Ok(()),
        Task::ImageToImage { image, .. } => check("image", (image.width(), image.height())),
        Task::Inpaint { image, mask, .. } => {
            check("image", (image.width(), image.height()))?;
            check("mask", (mask.width(), mask.height()))
        }
    }
}

/// A picture that is encoded at its own size is no larger than one that is drawn may be.
fn check_encoded(picture: Option<&FromPicture>, multiple: u32, limits: &Limits) -> Result<(), PlanError> {
    let Some(FromPicture { image, .. }) = picture else { return Ok(()) };
    let (width, height) = (image.width(), image.height());
    let fits = |side: u32| side.is_multiple_of(multiple.max(1)) && (1..=limits.side_max).contains(&side);
    if fits(width) && fits(height) && u64::from(width) * u64::from(height) <= limits.pixels_max {
        return Ok(());
    }
    let (most, pixels) = (limits.side_max, limits.pixels_max);
    let message = format!(
        "a start picture whose latents are resized must be whole latents of at most {most} pixels a side and {pixels} in all, \
         got {width}x{height}"
    );
    Err(PlanError::Size { param: "init_images", message })
}

fn check_loras(loras: &[LoraUse]) -> Result<(), PlanError> {
    check_integer("loras", loras.len() as u64, 0, LORAS_MAX)?;
    loras
        .iter()
        .flat_map(|lora| [lora.weight, lora.text_encoder_weight])
        .try_for_each(|weight| check_number("loras", weight, -LORA_WEIGHT_MAX, LORA_WEIGHT_MAX))
}

fn check_controls(controls: &[ControlUse], width: u32, height: u32) -> Result<(), PlanError> {
    check_integer("controls", controls.len() as u64, 0, CONTROLS_MAX)?;
    for control in controls {
        check_number("controls", control.weight, -CONTROL_WEIGHT_MAX, CONTROL_WEIGHT_MAX)?;
        check_number("controls", control.end, 0.0, 1.0)?;
        check_number("controls", control.start, 0.0, control.end)?;
        let got = (control.image.width(), control.image.height());
        if got != (width, height) {
            let message = format!("a ControlNet's picture is {}x{}, it must have the output size {width}x{height}", got.0, got.1);
            return Err(PlanError::Size { param: "controls", message });
        }
    }
    Ok(())
}

/// The noise of picture `index`.
fn noising_of(asked: &Noising, index: u32) -> Noising {
    let other = |variation: Variation| Variation { seed: variation.seed.wrapping_add(u64::from(index)), ..variation };
    Noising { variation: asked.variation.map(other), ..asked.clone() }
}

/// What the sampler's table does not check.
fn check_noising(noising: &Noising, limits: &Limits) -> Result<(), PlanError> {
    if let Some(variation) = noising.variation {
        check_number("subseed_strength", variation.strength, 0.0, 1.0)?;
    }
    check_number("initial_noise_multiplier", noising.start_factor, 0.0, NOISE_FACTOR_MAX)?;
    let Some((width, height)) = noising.resized_from else { return Ok(()) };
    for (param, side) in [("seed_resize_from_w", width), ("seed_resize_from_h", height)] {
        check_integer(param, u64::from(side), u64::from(limits.side_min), u64::from(limits.side_max))?;
    }
    if u64::from(width) * u64::from(height) > limits.pixels_max {
        let message = format!("a picture may have at most {} pixels, {width}x{height} has more", limits.pixels_max);
        return Err(PlanError::Size { param: "seed_resize_from_w", message });
    }
    Ok(())
}

fn check_text(param: &'static str, text: &str, limits: &Limits) -> Result<(), PlanError> {
    let got = text.chars().count();
    if got > limits.prompt_chars_max {
        return Err(PlanError::PromptTooLong { param, got, max: limits.prompt_chars_max });
    }
    Ok(())
}

fn check_integer(param: &'static str, got: u64, min: u64, max: u64) -> Result<(), PlanError> {
    if (min..=max).contains(&got) {
        return Ok(());
    }
    Err(PlanError::OutOfRange { param, expected: format!("between {min} and {max}"), got: got.to_string() })
}

/// Also refuses what is not a number: no comparison with NaN holds.
fn check_number(param: &'static str, got: f64, min: f64, max: f64) -> Result<(), PlanError> {
    if (min..=max).contains(&got) {
        return Ok(());
    }
    Err(PlanError::OutOfRange { param, expected: format!("between {min} and {max}"), got: got.to_string() })
}
