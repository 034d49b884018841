//! One picture in the making: admitted, prepared, stepped, decoded.

use easel_backend::Plan;
use easel_sampling::NoiseStream;
use easel_types::{Latents, Rgb8};

use super::{Pipeline, TextCache, TextStates, control::Unit, decode::Decoding, inputs::check_size, prepare::Preparation};
use crate::{
    ModelError,
    adapters::{Shelf, Wardrobe, Wear},
    ops::Ops,
    prompt::PromptOptions,
};

/// What the pictures of a backend share while they are prepared.
pub struct Stores<'a, O: Ops> {
    /// How prompts are read.
    pub options: PromptOptions,
    /// Encoded prompts.
    pub texts: &'a mut TextCache<O::Tensor>,
    /// LoRAs on the device.
    pub wardrobe: &'a mut Wardrobe<O>,
    /// Where LoRAs and embeddings are found.
    pub shelf: &'a Shelf,
}

/// A picture in the making.
pub struct SlotState<O: Ops> {
    plan: Plan,
    stage: Stage<O>,
    decoding: Option<Decoding<O>>,
}

enum Stage<O: Ops> {
    Preparing(Box<Preparation<O>>),
    Ready(Box<Tensors<O>>),
}

/// The tensors of a picture that can be stepped. All maps have one row.
pub(super) struct Tensors<O: Ops> {
    pub stream: NoiseStream,
    /// The noise that has been drawn for a row whose step has not succeeded yet: a repeated step must not draw again.
    pub drawn: Option<(usize, Option<Vec<f32>>)>,
    pub latents: O::Tensor,
    pub history: [Option<O::Tensor>; 3],
    pub noise: O::Tensor,
    /// Masked blending on models without mask channels.
    pub kept: Option<Kept<O::Tensor>>,
    /// Mask and masked picture of models that take them.
    pub mask_channels: Option<O::Tensor>,
    pub conditional: TextStates<O::Tensor>,
    pub unconditional: Option<TextStates<O::Tensor>>,
    /// LoRAs, in their order.
    pub wear: Vec<Wear<O>>,
    /// ControlNets, in their order.
    pub controls: Vec<Unit<O>>,
    /// (1, width) rows beside the text, conditional first.
    pub text_time: Vec<O::Tensor>,
    /// The embedded guidance scale of LCM-distilled models.
    pub guidance: Option<O::Tensor>,
}

/// What a partly kept picture is blended with.
pub(super) struct Kept<T> {
    pub image: T,
    pub mask: T,
}

/// What states that share a call of the denoiser have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchKey {
    width: u32,
    height: u32,
    tokens: usize,
}

impl<O: Ops> Tensors<O> {
    pub fn branches(&self) -> impl Iterator<Item = &TextStates<O::Tensor>> {
        std::iter::once(&self.conditional).chain(&self.unconditional)
    }

    fn bytes(&self, pipeline: &Pipeline<O>) -> u64 {
        let kept = self.kept.iter().flat_map(|kept| [&kept.image, &kept.mask]);
        let all = [&self.latents, &self.noise].into_iter().chain(self.history.iter().flatten()).chain(kept);
        let all = all.chain(&self.mask_channels).chain(&self.text_time).chain(&self.guidance);
        let all = all.chain(self.controls.iter().map(|unit| &unit.embedded));
        let drawn = self.drawn.iter().filter_map(|(_, noise)| noise.as_ref()).map(|noise| 4 * noise.len() as u64).sum::<u64>();
        drawn
            + all.map(|x| pipeline.bytes(x)).sum::<u64>()
            + self.branches().map(|states| pipeline.text_bytes(states)).sum::<u64>()
    }
}

impl<O: Ops> SlotState<O> {
    /// Checks the plan and stores it.
    pub fn admit(pipeline: &Pipeline<O>, plan: &Plan) -> Result<Self, ModelError> {
        check_size(plan, pipeline.description.scale)?;
        Ok(Self { plan: plan.clone(), stage: Stage::Preparing(Box::new(Preparation::new())), decoding: None })
    }

    /// One slice of the work before the first step; `true` when it is done.
    pub fn prepare(&mut self, pipeline: &Pipeline<O>, stores: &mut Stores<'_, O>) -> Result<bool, ModelError> {
        if let Stage::Preparing(preparation) = &mut self.stage {
            match preparation.slice(pipeline, &self.plan, stores)? {
                None => return Ok(false),
                Some(tensors) => self.stage = Stage::Ready(Box::new(tensors)),
            }
        }
        Ok(true)
    }

    /// What it was admitted with.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The latents, (1, channels, height, width).
    pub fn latents(&self) -> Result<&O::Tensor, ModelError> {
        Ok(&self.tensors()?.latents)
    }

    /// What it must have in common with another state to share a call of the denoiser.
    pub fn batch_key(&self) -> Result<BatchKey, ModelError> {
        Ok(BatchKey { width: self.plan.width, height: self.plan.height, tokens: self.tensors()?.conditional.tokens })
    }

    /// Whether it is being decoded.
    pub fn is_decoding(&self) -> bool {
        self.decoding.is_some()
    }

    /// Starts decoding from the downloaded latents.
    pub fn begin_decoding(&mut self, pipeline: &Pipeline<O>, latents: &[f32]) -> Result<(), ModelError> {
        let shape = pipeline.latent_shape(&self.plan);
        if let Some(cell) = self.plan.handover.leave.first() {
            cell.put(Latents { shape: [shape[1], shape[2], shape[3]], values: latents.to_vec() });
        }
        self.decoding = Some(Decoding::begin(pipeline, latents, shape)?);
        Ok(())
    }

    /// One slice of decoding; the picture after the last.
    pub fn decode(&mut self, pipeline: &Pipeline<O>) -> Result<Option<Rgb8>, ModelError> {
        let Some(decoding) = &mut self.decoding else { return Ok(None) };
        let picture = decoding.slice(pipeline)?;
        if picture.is_some() {
            self.decoding = None;
        }
        Ok(picture)
    }

    /// Bytes of its tensors, on the device and on the host.
    pub fn bytes(&self, pipeline: &Pipeline<O>) -> u64 {
        let decoding = self.decoding.as_ref().map_or(0, |decoding| decoding.bytes(pipeline));
        decoding
            + match &self.stage {
                Stage::Preparing(preparation) => preparation.bytes(pipeline),
                Stage::Ready(tensors) => tensors.bytes(pipeline),
            }
    }

    pub(super) fn tensors(&self) -> Result<&Tensors<O>, ModelError> {
        match &self.stage {
            Stage::Ready(tensors) => Ok(tensors),
            Stage::Preparing(_) => Err(unprepared()),
        }
    }

    /// For a change of the latents: what has been decoded of the old ones is dropped.
    pub(super) fn tensors_mut(&mut self) -> Result<&mut Tensors<O>, ModelError> {
        match &mut self.stage {
            Stage::Ready(tensors) => {
                self.decoding = None;
                Ok(tensors)
            }
            Stage::Preparing(_) => Err(unprepared()),
        }
    }
}

fn unprepared() -> ModelError {
    ModelError::Unsupported("the slot has not been prepared. This is a bug.".into())
}
