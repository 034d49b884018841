//! Latents to the picture, a slice at a time: stage by stage through the decoder, and tile by tile where the picture is large or where
//! memory is short. What a slice gave is kept only once the slice is through, so one that fails for want of memory can be repeated.

use easel_types::Rgb8;

use super::{Pipeline, picture::to_bytes};
use crate::{
    ModelError,
    ops::{Ops, OpsError},
    vae::{Flow, Tiling},
};

/// Pictures above this many pixels are decoded in tiles (1 megapixel: the whole decoder then needs several GiB).
const WHOLE_DECODE_PIXELS: usize = 1 << 20;

/// Where the decoder is.
struct Progress<T> {
    /// The next stage.
    stage: usize,
    flow: Flow<T>,
}

enum Way<T> {
    Whole(Progress<T>),
    Tiled(Box<Tiling>, Option<Progress<T>>),
}

/// A picture that is being decoded.
pub(super) struct Decoding<O: Ops> {
    /// Unscaled latents.
    latents: Vec<f32>,
    shape: [usize; 4],
    way: Way<O::Tensor>,
}

impl<O: Ops> Decoding<O> {
    /// Starts with the downloaded latents of a slot, (1, channels, height, width).
    pub fn begin(pipeline: &Pipeline<O>, latents: &[f32], shape: [usize; 4]) -> Result<Self, ModelError> {
        let config = pipeline.vae.config();
        let (factor, shift) = (config.scaling_factor as f32, config.shift_factor.unwrap_or(0.0) as f32);
        let latents: Vec<f32> = latents.iter().map(|v| v / factor + shift).collect();
        let pixels = shape[2] * shape[3] * config.scale() * config.scale();
        let way = match pixels <= WHOLE_DECODE_PIXELS {
            true => Way::Whole(Progress { stage: 0, flow: Flow::new(pipeline.ops.upload(&latents, &shape)?) }),
            false => Way::Tiled(Box::new(pipeline.vae.tiling(latents.clone(), shape)), None),
        };
        Ok(Self { latents, shape, way })
    }

    /// One slice; the picture after the last.
    pub fn slice(&mut self, pipeline: &Pipeline<O>) -> Result<Option<Rgb8>, ModelError> {
        let (ops, vae) = (pipeline.ops.as_ref(), &pipeline.vae);
        let stages = vae.decode_stages();
        match &mut self.way {
            Way::Whole(at) => {
                let result = match at.stage < stages {
                    true => vae.decode_stage(ops, at.stage, &at.flow).map(Ok),
                    false => ops.download(&at.flow.x).map(Err),
                };
                match result {
                    Ok(Ok(flow)) => *at = Progress { stage: at.stage + 1, flow },
                    Ok(Err(values)) => return self.picture(pipeline, &values).map(Some),
                    Err(OpsError::OutOfMemory(_)) => {
                        self.way = Way::Tiled(Box::new(vae.tiling(self.latents.clone(), self.shape)), None);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Way::Tiled(tiling, at @ None) => match tiling.next_tile() {
                Some((tile, shape)) => *at = Some(Progress { stage: 0, flow: Flow::new(ops.upload(&tile, &shape)?) }),
                None => {
                    let values = std::mem::take(tiling.values_mut());
                    return self.picture(pipeline, &values).map(Some);
                }
            },
            Way::Tiled(_, Some(at)) if at.stage < stages => {
                let flow = vae.decode_stage(ops, at.stage, &at.flow)?;
                *at = Progress { stage: at.stage + 1, flow };
            }
            Way::Tiled(tiling, at @ Some(_)) => {
                if let Some(done) = at {
                    tiling.put(ops.download(&done.flow.x)?);
                }
                *at = None;
            }
        }
        Ok(None)
    }

    /// Bytes it holds, on the device and on the host.
    pub fn bytes(&self, pipeline: &Pipeline<O>) -> u64 {
        let (at, tiling) = match &self.way {
            Way::Whole(at) => (Some(at), 0),
            Way::Tiled(tiling, at) => (at.as_ref(), tiling.numbers()),
        };
        let flow: u64 = at.iter().flat_map(|at| at.flow.tensors()).map(|x| pipeline.bytes(x)).sum();
        flow + 4 * (self.latents.len() + tiling) as u64
    }

    fn picture(&self, pipeline: &Pipeline<O>, values: &[f32]) -> Result<Rgb8, ModelError> {
        let scale = pipeline.vae.config().scale();
        to_bytes(values, self.shape[3] * scale, self.shape[2] * scale)
    }
}
