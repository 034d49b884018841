//! ControlNets over a batch: each is run once for all the rows that have it at this step, and on no others.

use std::{ops::Range, sync::Arc};

use easel_types::ControlBalance;

use super::{Pipeline, advance::Member};
use crate::{
    ModelError,
    ops::Ops,
    unet::{Conditioning, Control, ControlNet, Step, Weight},
};

/// One ControlNet of a picture.
pub(super) struct Unit<O: Ops> {
    pub net: Arc<ControlNet<O>>,
    /// What its first layers make of the picture it looks at.
    pub embedded: O::Tensor,
    pub weight: f32,
    /// The part of the steps that it has a say in.
    pub share: Range<f64>,
    /// Whether the words or the ControlNet counts more.
    pub balance: ControlBalance,
}

impl<O: Ops> Unit<O> {
    /// As diffusers counts: a step belongs to a share that it lies in as a whole.
    fn is_on(&self, index: usize, count: usize) -> bool {
        let (from, to) = (index as f64 / count as f64, (index + 1) as f64 / count as f64);
        from >= self.share.start && to <= self.share.end
    }
}

/// A picture's rows and its unit.
type Seen<'a, O> = (Range<usize>, &'a Member<'a, O>, &'a Unit<O>);

/// What the ControlNets add to the rows of `x`.
pub(super) fn controls<O: Ops>(
    pipeline: &Pipeline<O>,
    batch: &[Member<'_, O>],
    x: &O::Tensor,
) -> Result<Vec<Control<O::Tensor>>, ModelError> {
    let most = batch.iter().map(|member| member.tensors.controls.len()).max().unwrap_or(0);
    let mut controls = Vec::new();
    for place in 0..most {
        let mut groups: Vec<Vec<Seen<'_, O>>> = Vec::new();
        let mut row = 0;
        for member in batch {
            let rows = row..row + member.branches().count();
            row = rows.end;
            let (index, count) = member.evaluation;
            let Some(unit) = member.tensors.controls.get(place).filter(|unit| unit.is_on(index, count)) else { continue };
            // The unconditional row stays as it is.
            let rows = if unit.balance == ControlBalance::Control { rows.start..rows.start + 1 } else { rows };
            match groups.iter_mut().find(|group| Arc::ptr_eq(&group[0].2.net, &unit.net)) {
                Some(group) => group.push((rows, member, unit)),
                None => groups.push(vec![(rows, member, unit)]),
            }
        }
        for group in groups {
            controls.push(control(pipeline, &group, x)?);
        }
    }
    Ok(controls)
}

/// One ControlNet for all that have it.
fn control<O: Ops>(pipeline: &Pipeline<O>, group: &[Seen<'_, O>], x: &O::Tensor) -> Result<Control<O::Tensor>, ModelError> {
    let ops = pipeline.ops.as_ref();
    let (mut parts, mut contexts, mut text_times, mut guidances) = (vec![], vec![], vec![], vec![]);
    let (mut times, mut embedded, mut weights, mut runs) = (vec![], vec![], vec![], Vec::<(Range<usize>, usize)>::new());
    for (rows, member, unit) in group {
        let (tensors, count) = (member.tensors, rows.len());
        parts.push(ops.rows(x, rows.start, count)?);
        contexts.extend(member.branches().take(count).map(|branch| &branch.context));
        text_times.extend(tensors.text_time.iter().take(count));
        guidances.extend(tensors.guidance.iter().flat_map(|guidance| std::iter::repeat_n(guidance, count)));
        embedded.extend(std::iter::repeat_n(&unit.embedded, count));
        match runs.last_mut() {
            Some((run, _)) if run.end == rows.start => run.end = rows.end,
            _ => runs.push((rows.clone(), weights.len())),
        }
        times.extend(std::iter::repeat_n(member.row.timestep as f32, count));
        weights.extend(std::iter::repeat_n(Weight { all: unit.weight, soft: unit.balance != ControlBalance::Balanced }, count));
    }
    let optional = |parts: &[&O::Tensor]| (!parts.is_empty()).then(|| ops.concat_rows(parts)).transpose();
    let (context, text_time, guidance) = (ops.concat_rows(&contexts)?, optional(&text_times)?, optional(&guidances)?);
    let given = Conditioning { context: &context, text_time: text_time.as_ref(), guidance: guidance.as_ref() };
    let x = ops.concat_rows(&parts.iter().collect::<Vec<_>>())?;
    let embedded = ops.concat_rows(&embedded)?;
    let step = Step { timesteps: &times, given, controls: &[] };
    let (down, middle) = group[0].2.net.forward(ops, &x, &step, &embedded, &weights)?;
    Ok(Control { runs, down, middle })
}
