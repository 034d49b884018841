//! Bringing a LoRA to a device, a slice at a time: a slice prepares at least one layer, and no more than about as many numbers as a step of one
//! row touches.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Adapter, LoraFile, ModelLayers, file::Addition, hash::Hash};
use crate::{
    ModelError,
    ops::{LayerShape, Ops, Patch, Patches, parts},
};

/// Numbers of a slice, beyond the layer that passes it.
const SLICE_NUMBERS: usize = 1 << 20;

/// The next adapter's number.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A LoRA on its way to a device.
pub struct Loading<O: Ops> {
    file: LoraFile,
    hash: Option<Hash>,
    next: usize,
    unet: Patches<O>,
    text: Vec<Patches<O>>,
    numbers: usize,
}

impl<O: Ops> Loading<O> {
    /// Opens and checks the file.
    pub fn begin(path: &Path, model: &ModelLayers<'_>, encoders: usize) -> Result<Self, ModelError> {
        let file = LoraFile::open(path, model)?;
        let text = (0..encoders).map(|_| Patches::new()).collect();
        let hash = Some(Hash::begin(path, file.hash.as_deref()));
        Ok(Self { file, hash, next: 0, unet: Patches::new(), text, numbers: 0 })
    }

    /// One slice; the LoRA after the last.
    pub fn slice(&mut self, ops: &O) -> Result<Option<Arc<Adapter<O>>>, ModelError> {
        let mut room = SLICE_NUMBERS;
        while let Some(addition) = self.file.additions.get(self.next) {
            let (patch, numbers) = patch(ops, &self.file, addition)?;
            match addition.component {
                0 => self.unet.insert(addition.layer.clone(), patch),
                component => self.text[component - 1].insert(addition.layer.clone(), patch),
            };
            self.next += 1;
            self.numbers += numbers;
            if numbers >= room {
                return Ok(None);
            }
            room -= numbers;
        }
        let bytes = (self.numbers * ops.value_bytes()) as u64;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (unet, text) = (std::mem::take(&mut self.unet), std::mem::take(&mut self.text));
        let hash = self.hash.take().and_then(Hash::short);
        Ok(Some(Arc::new(Adapter { unet, text, id, bytes, hash })))
    }
}

/// Prepares one layer's addition, with its scale in the upper half; how many numbers it has.
fn patch<O: Ops>(ops: &O, file: &LoraFile, of: &Addition) -> Result<(Patch<O>, usize), ModelError> {
    let (weights, rank) = (&file.weights, of.rank);
    let scaled = |shape: &[usize]| -> Result<Vec<f32>, ModelError> {
        let mut values = weights.f32(&of.up, shape)?;
        values.iter_mut().for_each(|x| *x *= of.scale);
        Ok(values)
    };
    Ok(match of.shape {
        LayerShape::Linear { outputs, inputs } => {
            let down = ops.linear_weights(rank, inputs, &weights.numbers(&of.down, &[rank, inputs])?, None)?;
            let up = ops.linear_weights(outputs, rank, &scaled(&[outputs, rank])?, None)?;
            (Patch::Linear { down, up }, rank * (inputs + outputs))
        }
        LayerShape::Gated { outputs, inputs } => {
            let down = ops.linear_weights(rank, inputs, &weights.numbers(&of.down, &[rank, inputs])?, None)?;
            let up = ops.gated_weights(outputs, rank, &scaled(&[2 * outputs, rank])?, None)?;
            (Patch::Linear { down, up }, rank * (inputs + 2 * outputs))
        }
        LayerShape::Conv(shape) => {
            let [down, mid, up] = parts(shape, rank, of.mid.is_some());
            let shape = |of: crate::ops::ConvShape| [of.outputs, of.inputs, of.kernel, of.kernel];
            let count = |of| shape(of).iter().product::<usize>();
            let middle = match &of.mid {
                None => None,
                Some(name) => Some(ops.conv_weights(mid, &weights.numbers(name, &shape(mid))?, None)?),
            };
            let numbers = count(down) + count(up) + middle.as_ref().map_or(0, |_| count(mid));
            let down = ops.conv_weights(down, &weights.numbers(&of.down, &shape(down))?, None)?;
            let up = ops.conv_weights(up, &scaled(&shape(up))?, None)?;
            (Patch::Conv { down, mid: middle, up }, numbers)
        }
    })
}
