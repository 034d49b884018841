//! A batch of pictures by one evaluation: one call of the denoiser for all branches of all of them, one update for all pictures. A row of a
//! table may leave a picture's unconditional branch out.
//!
//! Three parts, so that a step that fails changes nothing: [`draw`] takes the noise out of each picture's stream and keeps it until the step
//! succeeds, [`evaluate`] computes, [`commit`] cannot fail.

use easel_sampling::Row;

use super::{Pipeline, SlotState, TextStates, control::controls, slot::Tensors, wear::worn};
use crate::{
    ModelError,
    ops::{Blend, Input, On, Ops, Update, Updated},
    unet::{Conditioning, Step},
};

/// One picture's next latents and stored tensors.
pub struct Advanced<T> {
    updated: Updated<T>,
    /// Where a stored tensor that is not computed comes from: itself or another of the old ones.
    moved: Moves,
}

/// For each stored tensor the place of the old one that it is, if it is one.
type Moves = [Option<usize>; 3];

impl<T> Advanced<T> {
    /// Whether the numbers are still finite, as far as the device says.
    pub fn is_finite(&self) -> bool {
        self.updated.finite
    }
}

/// Draws the noise of row `index`, unless a step that failed has drawn it already.
pub fn draw<O: Ops>(state: &mut SlotState<O>, index: usize) -> Result<(), ModelError> {
    let row = row(state, index)?;
    let tensors = state.tensors_mut()?;
    if tensors.drawn.as_ref().is_none_or(|(drawn, _)| *drawn != index) {
        tensors.drawn = Some((index, tensors.stream.draw(&row.noise)));
    }
    Ok(())
}

/// The results of one evaluation for states that share a [`SlotState::batch_key`], each at its own row. [`draw`] comes first.
pub fn evaluate<O: Ops>(
    pipeline: &Pipeline<O>,
    batch: &[(&SlotState<O>, usize)],
) -> Result<Vec<Advanced<O::Tensor>>, ModelError> {
    let batch = batch.iter().map(|(state, index)| Member::new(state, *index)).collect::<Result<Vec<_>, ModelError>>()?;
    // Pictures that wear the same stand side by side, so that their rows are one product.
    let mut order: Vec<usize> = (0..batch.len()).collect();
    order.sort_by_key(|i| batch[*i].tensors.wear.iter().map(|wear| wear.adapter.id).collect::<Vec<_>>());
    let mut results: Vec<_> =
        order.iter().copied().zip(evaluate_in_order(pipeline, order.iter().map(|i| batch[*i]).collect())?).collect();
    results.sort_by_key(|(i, _)| *i);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

fn evaluate_in_order<O: Ops>(pipeline: &Pipeline<O>, batch: Vec<Member<'_, O>>) -> Result<Vec<Advanced<O::Tensor>>, ModelError> {
    let output = denoise(pipeline, &batch)?;
    let (mut updates, mut moves, mut at) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()), 0);
    for member in &batch {
        let (update, moved) = update(member.state, member.tensors, &member.row, at)?;
        updates.push(update);
        moves.push(moved);
        at += member.branches().count();
    }
    let updated = pipeline.ops.advance(&output, &updates)?;
    Ok(updated.into_iter().zip(moves).map(|(updated, moved)| Advanced { updated, moved }).collect())
}

/// Puts the results in place.
pub fn commit<O: Ops>(state: &mut SlotState<O>, advanced: Advanced<O::Tensor>) -> Result<(), ModelError> {
    let tensors = state.tensors_mut()?;
    let Updated { latents, stored, .. } = advanced.updated;
    let old = std::mem::take(&mut tensors.history);
    let mut places = stored.into_iter().zip(advanced.moved);
    tensors.history = std::array::from_fn(|_| match places.next() {
        Some((Some(stored), _)) => Some(stored),
        Some((None, Some(from))) => old[from].clone(),
        _ => None,
    });
    tensors.latents = latents;
    tensors.drawn = None;
    Ok(())
}

fn row<O: Ops>(state: &SlotState<O>, index: usize) -> Result<Row, ModelError> {
    let rows = &state.plan().table.rows;
    let beyond = || ModelError::Unsupported(format!("row {index} is beyond the table of {} rows. This is a bug.", rows.len()));
    rows.get(index).copied().ok_or_else(beyond)
}

/// A picture of a batch.
pub(super) struct Member<'a, O: Ops> {
    pub state: &'a SlotState<O>,
    pub tensors: &'a Tensors<O>,
    pub row: Row,
    /// Which evaluation of how many.
    pub evaluation: (usize, usize),
}

impl<O: Ops> Clone for Member<'_, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O: Ops> Copy for Member<'_, O> {}

impl<'a, O: Ops> Member<'a, O> {
    fn new(state: &'a SlotState<O>, index: usize) -> Result<Self, ModelError> {
        let evaluation = (index, state.plan().table.rows.len());
        Ok(Self { state, tensors: state.tensors()?, row: row(state, index)?, evaluation })
    }

    /// The branches of this evaluation, the conditional one first.
    pub fn branches(&self) -> impl Iterator<Item = &'a TextStates<O::Tensor>> {
        self.tensors.branches().take(if self.row.guided { 2 } else { 1 })
    }
}

/// One call of the denoiser: the rows of each picture in order, the conditional one first.
fn denoise<O: Ops>(pipeline: &Pipeline<O>, batch: &[Member<'_, O>]) -> Result<O::Tensor, ModelError> {
    let ops = pipeline.ops.as_ref();
    let (mut inputs, mut contexts, mut text_times, mut guidances, mut times) = (vec![], vec![], vec![], vec![], vec![]);
    for member in batch {
        let Member { tensors, row, .. } = member;
        let rows = member.branches().count();
        inputs.push(Input { latents: &tensors.latents, factor: row.c_in, extra: tensors.mask_channels.as_ref(), rows });
        contexts.extend(member.branches().map(|branch| &branch.context));
        text_times.extend(tensors.text_time.iter().take(rows));
        guidances.extend(tensors.guidance.iter().flat_map(|guidance| std::iter::repeat_n(guidance, rows)));
        times.extend(std::iter::repeat_n(row.timestep as f32, rows));
    }
    let optional = |parts: &[&O::Tensor]| (!parts.is_empty()).then(|| ops.concat_rows(parts)).transpose();
    let (context, text_time, guidance) = (ops.concat_rows(&contexts)?, optional(&text_times)?, optional(&guidances)?);
    let given = Conditioning { context: &context, text_time: text_time.as_ref(), guidance: guidance.as_ref() };
    let (worn, x) = (worn(ops, batch)?, ops.denoiser_input(&inputs)?);
    let controls = controls(pipeline, batch, &x)?;
    Ok(pipeline.unet.forward_on(&On::wearing(ops, &worn), &x, &Step { timesteps: &times, given, controls: &controls })?)
}

/// One picture's update with the model output from row `at` on, and where its other stored tensors come from.
fn update<'a, O: Ops>(
    state: &'a SlotState<O>,
    tensors: &'a Tensors<O>,
    row: &Row,
    at: usize,
) -> Result<(Update<'a, O::Tensor>, Moves), ModelError> {
    let noise = tensors.drawn.as_ref().and_then(|(_, noise)| noise.as_deref());
    let present = [true, true, tensors.history[0].is_some(), tensors.history[1].is_some(), tensors.history[2].is_some()];
    let absent = |coefficients: &[f64]| coefficients.iter().zip(present).any(|(c, present)| *c != 0.0 && !present);
    if absent(&row.x[..5]) || (row.x[5] != 0.0 && noise.is_none()) {
        return Err(never_stored());
    }
    let (mut store, mut moved): (_, Moves) = ([None; 3], [None; 3]);
    for (k, coefficients) in row.history.iter().enumerate() {
        let from = |i: usize| (0..5).all(|j| coefficients[j] == f64::from(u8::from(j == i)));
        match (2..5).find(|i| from(*i)) {
            // A multistep sampler shifts its history from the first step on, when there is nothing to shift yet.
            Some(i) => moved[k] = Some(i - 2),
            None if coefficients.iter().zip(present).all(|(c, present)| *c == 0.0 || !present) => {}
            None if absent(coefficients) => return Err(never_stored()),
            None => store[k] = Some(*coefficients),
        }
    }
    let plan = state.plan();
    let blend = tensors.kept.as_ref().map(|kept| Blend {
        mask: &kept.mask,
        image: &kept.image,
        noise: &tensors.noise,
        factors: [row.blend.image, row.blend.noise],
    });
    let update = Update {
        latents: &tensors.latents,
        row: at,
        guidance: tensors.unconditional.as_ref().filter(|_| row.guided).map(|_| (plan.guidance_scale, plan.guidance_rescale)),
        history: tensors.history.each_ref().map(Option::as_ref),
        noise,
        blend,
        x: row.x,
        store,
    };
    Ok((update, moved))
}

fn never_stored() -> ModelError {
    ModelError::Unsupported("the sampler's table reads a tensor it never stored. This is a bug.".into())
}
