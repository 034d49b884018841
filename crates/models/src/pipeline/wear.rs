//! Which rows of a batch wear which LoRA, and how much of it.

use std::ops::Range;

use super::advance::Member;
use crate::{
    ModelError,
    adapters::Wear,
    ops::{Ops, Worn},
};

/// What the rows of the denoiser wear: neighbours with the same LoRA in the same place of their lists together.
pub(super) fn worn<'a, O: Ops>(ops: &O, batch: &[Member<'a, O>]) -> Result<Vec<Worn<'a, O>>, ModelError> {
    let most = batch.iter().map(|member| member.tensors.wear.len()).max().unwrap_or(0);
    let mut runs: Vec<(Range<usize>, &'a Wear<O>, Vec<f32>)> = Vec::new();
    for place in 0..most {
        let (first, mut row) = (runs.len(), 0);
        for member in batch {
            let end = row + member.branches().count();
            if let Some(wear) = member.tensors.wear.get(place).filter(|wear| wear.on_unet()) {
                let factors = std::iter::repeat_n(wear.weight, end - row);
                match runs[first..].last_mut() {
                    Some((rows, same, all)) if rows.end == row && same.adapter.id == wear.adapter.id => {
                        rows.end = end;
                        all.extend(factors);
                    }
                    _ => runs.push((row..end, wear, factors.collect())),
                }
            }
            row = end;
        }
    }
    runs.into_iter()
        .map(|(rows, wear, factors)| {
            Ok(Worn { patches: &wear.adapter.unet, factors: ops.upload(&factors, &[rows.len(), 1])?, rows })
        })
        .collect()
}
