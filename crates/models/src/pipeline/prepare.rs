//! The work before the first step, a slice at a time: LoRAs, text, picture, noise, masked picture, first latents.
//!
//! Random numbers are drawn in diffusers' order, so that a seed gives the picture diffusers gives: the posterior sample of the picture first,
//! then the initial noise, then the posterior sample of the masked picture, then the churn of the first latents. A slice draws only when
//! nothing can fail after it, so that one that fails for want of memory can be repeated.

use std::sync::Arc;

use easel_backend::Plan;
use easel_sampling::NoiseStream;
use easel_types::{ControlUse, FromLatents, FromPicture, Worn};

use super::{
    Pipeline, Stores, Texts,
    control::Unit,
    inputs::{Inputs, draws_posterior, embed_guidance, filled, first_noise, start, text_time},
    interpolate::{interpolate, middle},
    picture::{binarise, normalise, planes, subsample},
    slot::{Kept, Tensors},
    text::TextWork,
};
use crate::{
    ModelError,
    adapters::{Kind, Wear},
    ops::Ops,
    unet::ControlNet,
    vae::Progress,
};

enum Phase<T> {
    Begin,
    /// Bringing LoRAs to the device; the text is encoded with them.
    Loras(TextWork<T>),
    Text(TextWork<T>),
    /// Pictures that ControlNets look at, one a slice.
    Controls,
    /// The picture, on its way through the encoder.
    Image(Progress<T>),
    Noise,
    /// The masked picture of a model with mask channels.
    Masked(Progress<T>),
    Finish,
}

/// A slot that cannot be stepped yet.
pub(super) struct Preparation<O: Ops> {
    phase: Phase<O::Tensor>,
    stream: Option<NoiseStream>,
    wear: Vec<Wear<O>>,
    /// The files that the picture wears.
    worn: Worn,
    controls: Vec<Unit<O>>,
    texts: Option<Texts<O::Tensor>>,
    /// The picture and the mask as numbers.
    pixels: Option<Vec<f32>>,
    mask: Option<Vec<f32>>,
    /// The encoded picture, the initial noise, the encoded masked picture, the first latents.
    image: Option<Vec<f32>>,
    noise: Vec<f32>,
    masked: Option<Vec<f32>>,
    latents: Option<Vec<f32>>,
}

impl<O: Ops> Preparation<O> {
    pub fn new() -> Self {
        Self {
            phase: Phase::Begin,
            stream: None,
            wear: Vec::new(),
            worn: Worn::default(),
            controls: Vec::new(),
            texts: None,
            pixels: None,
            mask: None,
            image: None,
            noise: Vec::new(),
            masked: None,
            latents: None,
        }
    }

    /// One slice; the tensors of the slot after the last.
    pub fn slice(
        &mut self,
        pipeline: &Pipeline<O>,
        plan: &Plan,
        stores: &mut Stores<'_, O>,
    ) -> Result<Option<Tensors<O>>, ModelError> {
        let next = match &mut self.phase {
            Phase::Begin => {
                let mut work = pipeline.begin_text(plan, stores)?;
                self.worn.words = std::mem::take(&mut work.told);
                if work.loras.is_empty() { Phase::Text(work) } else { Phase::Loras(work) }
            }
            Phase::Loras(work) => {
                let Some(lora) = work.loras.first() else { return Err(no_text()) };
                let path = stores.shelf.find(Kind::Lora, &lora.name)?;
                let taken = stores.wardrobe.take(pipeline, &plan.model, &path);
                let Some(adapter) = taken.map_err(|error| error.asked_for_as(&lora.name))? else { return Ok(None) };
                let (weight, text_encoder_weight) = (lora.weight as f32, lora.text_encoder_weight as f32);
                self.worn.loras.extend(adapter.hash.clone().map(|hash| (lora.name.clone(), hash)));
                self.wear.push(Wear { adapter, weight, text_encoder_weight });
                work.loras.remove(0);
                if !work.loras.is_empty() {
                    return Ok(None);
                }
                match std::mem::replace(&mut self.phase, Phase::Begin) {
                    Phase::Loras(work) => Phase::Text(work),
                    other => other,
                }
            }
            Phase::Text(work) => {
                if !pipeline.text_slice(plan, work, &self.wear, stores.texts)? {
                    return Ok(None);
                }
                self.texts = Some(pipeline.finish_text(work)?);
                match plan.controls.is_empty() {
                    true => self.begin_picture(pipeline, plan)?,
                    false => Phase::Controls,
                }
            }
            Phase::Controls => {
                if let Some(control) = plan.controls.get(self.controls.len()) {
                    let path = stores.shelf.find(Kind::ControlNet, &control.model)?;
                    let net = stores.wardrobe.control(pipeline, &plan.model, &path);
                    let net = net.map_err(|error| error.asked_for_as(&control.model))?;
                    self.controls.push(unit(pipeline, plan, control, net)?);
                }
                if self.controls.len() < plan.controls.len() {
                    return Ok(None);
                }
                self.begin_picture(pipeline, plan)?
            }
            Phase::Image(encoding) => {
                let stream = self.stream.as_mut();
                let Some(latents) = encode_slice(pipeline, plan, encoding, stream)? else { return Ok(None) };
                let mask = self.small_mask(pipeline, plan);
                let latents = brought_to_size(pipeline, plan, latents);
                self.image = Some(match self.mask {
                    Some(_) => filled(plan, latents, &mask, pipeline.latent_shape(plan)),
                    None => latents,
                });
                Phase::Noise
            }
            Phase::Noise => self.draw_noise(pipeline, plan)?,
            Phase::Masked(encoding) => {
                let stream = self.stream.as_mut();
                let Some(latents) = encode_slice(pipeline, plan, encoding, stream)? else { return Ok(None) };
                self.masked = Some(latents);
                Phase::Finish
            }
            Phase::Finish => return self.finish(pipeline, plan).map(Some),
        };
        self.phase = next;
        Ok(None)
    }

    /// Bytes it holds, on the device and on the host.
    pub fn bytes(&self, pipeline: &Pipeline<O>) -> u64 {
        let flow: u64 = match &self.phase {
            Phase::Image(encoding) | Phase::Masked(encoding) => encoding.tensors().map(|x| pipeline.bytes(x)).sum(),
            _ => 0,
        };
        let texts = self.texts.iter().flat_map(|texts| std::iter::once(&texts.conditional).chain(&texts.unconditional));
        let host = [&self.pixels, &self.mask, &self.image, &self.masked, &self.latents];
        let host = host.into_iter().flatten().chain([&self.noise]).map(Vec::len).sum::<usize>();
        flow + texts.map(|states| pipeline.text_bytes(states)).sum::<u64>() + 4 * host as u64
    }

    fn begin_picture(&mut self, pipeline: &Pipeline<O>, plan: &Plan) -> Result<Phase<O::Tensor>, ModelError> {
        let inputs = Inputs::of(plan);
        let handed_over = plan.handover.from.as_ref().map(|from| handed_over(pipeline, plan, from)).transpose()?;
        let picture = plan.handover.picture.as_ref().map(|other| other.image.as_ref()).or(inputs.image);
        self.pixels = picture.map(normalise);
        self.mask = inputs.mask.map(binarise);
        let phase = match &self.pixels {
            _ if handed_over.is_some() => Phase::Noise,
            Some(pixels) if inputs.from_image || !pipeline.description.has_mask_channels => {
                Phase::Image(begin_encoding(pipeline, start_size(plan), pixels)?)
            }
            _ => Phase::Noise,
        };
        self.image = handed_over;
        self.stream = Some(NoiseStream::new(plan.noise, plan.seed, &pipeline.latent_shape(plan), plan.table.brownian_range));
        Ok(phase)
    }

    fn draw_noise(&mut self, pipeline: &Pipeline<O>, plan: &Plan) -> Result<Phase<O::Tensor>, ModelError> {
        let masked = match pipeline.description.has_mask_channels {
            true => Some(begin_encoding(pipeline, (plan.width, plan.height), &self.masked_picture(plan))?),
            false => None,
        };
        let stream = drawn_from(self.stream.as_mut())?;
        self.noise = first_noise(plan, pipeline.description.scale, pipeline.latent_shape(plan), stream);
        if self.mask.is_some() && masked.is_none() && draws_posterior(plan) {
            // diffusers encodes the masked picture here even for models that never look at it.
            stream.next();
        }
        Ok(masked.map_or(Phase::Finish, Phase::Masked))
    }

    /// The picture with the part that is repainted in mid-grey. Without a mask everything is, as A1111 runs such models on text alone.
    fn masked_picture(&self, plan: &Plan) -> Vec<f32> {
        match (&self.pixels, &self.mask) {
            (Some(pixels), Some(mask)) => {
                let kept = |i: usize| mask[i % mask.len()] < 0.5;
                pixels.iter().enumerate().map(|(i, v)| if kept(i) { *v } else { 0.0 }).collect()
            }
            _ => vec![0.0; 3 * plan.width as usize * plan.height as usize],
        }
    }

    /// The mask at the latents' resolution.
    fn small_mask(&self, pipeline: &Pipeline<O>, plan: &Plan) -> Vec<f32> {
        let (width, height, scale) = (plan.width as usize, plan.height as usize, pipeline.description.scale as usize);
        match &self.mask {
            Some(mask) => subsample(mask, width, height, scale),
            None => vec![1.0; width / scale * (height / scale)],
        }
    }

    fn finish(&mut self, pipeline: &Pipeline<O>, plan: &Plan) -> Result<Tensors<O>, ModelError> {
        let (ops, shape) = (pipeline.ops.as_ref(), pipeline.latent_shape(plan));
        if self.latents.is_none() {
            let stream = drawn_from(self.stream.as_mut())?;
            self.latents = Some(start(plan, self.image.as_deref(), &self.noise, stream));
        }
        let nine = pipeline.description.has_mask_channels;
        let kept = match (&self.mask, &self.image) {
            (Some(_), Some(image)) if !nine => {
                let mask = self.small_mask(pipeline, plan).repeat(shape[1]);
                Some(Kept { image: ops.upload(image, &shape)?, mask: ops.upload(&mask, &shape)? })
            }
            _ => None,
        };
        let mask_channels = match &self.masked {
            None => None,
            Some(latents) => {
                let mut channels = self.small_mask(pipeline, plan);
                channels.extend(latents);
                Some(ops.upload(&channels, &[1, 1 + shape[1], shape[2], shape[3]])?)
            }
        };
        let guidance = pipeline.unet.config().time_cond_proj_dim;
        let guidance = guidance.map(|w| ops.upload(&embed_guidance(plan.guidance_scale, w), &[1, w])).transpose()?;
        let latents = ops.upload(self.latents.as_deref().unwrap_or_default(), &shape)?;
        let noise = ops.upload(&self.noise, &shape)?;
        let texts = self.texts.as_ref().ok_or_else(no_text)?;
        let text_time = text_time(pipeline, plan, &texts.conditional, texts.unconditional.as_ref())?;
        // Nothing fails from here on.
        let (Some(texts), Some(stream)) = (self.texts.take(), self.stream.take()) else {
            return Err(ModelError::Unsupported("prepared twice. This is a bug.".into()));
        };
        plan.handover.worn.tell(std::mem::take(&mut self.worn));
        Ok(Tensors {
            stream,
            drawn: None,
            latents,
            history: [None, None, None],
            noise,
            kept,
            mask_channels,
            conditional: texts.conditional,
            unconditional: texts.unconditional,
            wear: std::mem::take(&mut self.wear),
            controls: std::mem::take(&mut self.controls),
            text_time,
            guidance,
        })
    }
}

/// Another picture's latents at this one's size.
fn handed_over<O: Ops>(pipeline: &Pipeline<O>, plan: &Plan, from: &FromLatents) -> Result<Vec<f32>, ModelError> {
    let left = || ModelError::Unsupported("nobody left latents to go on from. This is a bug.".into());
    let latents = from.cell.get().ok_or_else(left)?;
    let ([channels, height, width], [_, own, to_height, to_width]) = (latents.shape, pipeline.latent_shape(plan));
    if channels != own {
        return Err(ModelError::Unsupported(format!(
            "the latents to go on from have {channels} channels, those of this model {own}; enlarge the picture instead"
        )));
    }
    let side = |pixels: u32, least: usize| ((pixels / pipeline.description.scale) as usize).max(least);
    let enlarged = [side(from.enlarged.1, to_height), side(from.enlarged.0, to_width)];
    let large = interpolate(&latents.values, [height, width], enlarged, from.scaling);
    Ok(if enlarged == [to_height, to_width] { large } else { middle(&large, enlarged, [to_height, to_width]) })
}

/// Pixels of the picture that is encoded: the output's, but for one whose latents are resized.
fn start_size(plan: &Plan) -> (u32, u32) {
    plan.handover.picture.as_ref().map_or((plan.width, plan.height), |other| (other.image.width(), other.image.height()))
}

/// The latents of the picture that was encoded, as many as the output has.
fn brought_to_size<O: Ops>(pipeline: &Pipeline<O>, plan: &Plan, latents: Vec<f32>) -> Vec<f32> {
    let Some(FromPicture { scaling, .. }) = &plan.handover.picture else { return latents };
    let ((width, height), scale) = (start_size(plan), pipeline.description.scale);
    let [_, _, to_height, to_width] = pipeline.latent_shape(plan);
    interpolate(&latents, [(height / scale) as usize, (width / scale) as usize], [to_height, to_width], *scaling)
}

/// A ControlNet that has seen its picture.
fn unit<O: Ops>(
    pipeline: &Pipeline<O>,
    plan: &Plan,
    control: &ControlUse,
    net: Arc<ControlNet<O>>,
) -> Result<Unit<O>, ModelError> {
    if net.scale() != pipeline.description.scale as usize {
        let reason = format!(
            "the ControlNet `{}` takes {} pixels for a latent, the model {}",
            control.model,
            net.scale(),
            pipeline.description.scale
        );
        return Err(ModelError::Unsupported(reason));
    }
    let (ops, shape) = (pipeline.ops.as_ref(), [1, 3, plan.height as usize, plan.width as usize]);
    let embedded = net.embed(ops, &ops.upload(&planes(&control.image), &shape)?)?;
    let (weight, share, balance) = (control.weight as f32, control.start..control.end, control.balance);
    Ok(Unit { net, embedded, weight, share, balance })
}

fn no_text() -> ModelError {
    ModelError::Unsupported("there is no text. This is a bug.".into())
}

fn begin_encoding<O: Ops>(
    pipeline: &Pipeline<O>,
    (width, height): (u32, u32),
    pixels: &[f32],
) -> Result<Progress<O::Tensor>, ModelError> {
    let shape = [1, 3, height as usize, width as usize];
    Ok(pipeline.vae.begin_encode(&pipeline.ops, pipeline.ops.upload(pixels, &shape)?))
}

fn drawn_from(stream: Option<&mut NoiseStream>) -> Result<&mut NoiseStream, ModelError> {
    stream.ok_or_else(|| ModelError::Unsupported("there is no stream of noise yet. This is a bug.".into()))
}

/// One slice of the encoder; after the last the scaled latents, sampled from the picture's posterior.
fn encode_slice<O: Ops>(
    pipeline: &Pipeline<O>,
    plan: &Plan,
    encoding: &mut Progress<O::Tensor>,
    stream: Option<&mut NoiseStream>,
) -> Result<Option<Vec<f32>>, ModelError> {
    let (ops, vae) = (pipeline.ops.as_ref(), &pipeline.vae);
    if let Some(next) = vae.encode_slice(ops, encoding)? {
        *encoding = next;
        return Ok(None);
    }
    let posterior = vae.posterior(ops, encoding.result())?;
    let noise = match draws_posterior(plan) {
        true => drawn_from(stream)?.next(),
        false => vec![0.0; posterior.mean.len()],
    };
    let config = vae.config();
    let (factor, shift) = (config.scaling_factor as f32, config.shift_factor.unwrap_or(0.0) as f32);
    Ok(Some(posterior.sample(&noise).into_iter().map(|v| (v - shift) * factor).collect()))
}
