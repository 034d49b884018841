//! Latents to the picture, a slice at a time: through the decoder in one go, or tile by tile where the picture is large or where
//! memory is short. What a slice gave is kept only once the slice is through, so one that fails for want of memory can be repeated.

use easel_types::Rgb8;

use super::{Pipeline, picture::to_bytes};
use crate::{
    ModelError,
    ops::{Ops, OpsError},
    vae::{Progress, Tiling},
};

/// Pictures above this many pixels are decoded in tiles (1 megapixel: the whole decoder then needs several GiB).
const WHOLE_DECODE_PIXELS: usize = 1 << 20;

enum Way<T> {
    Whole(Progress<T>),
    /// With the tile that is being decoded.
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
            true => Way::Whole(pipeline.vae.begin_decode(&pipeline.ops, pipeline.ops.upload(&latents, &shape)?)),
            false => Way::Tiled(Box::new(pipeline.vae.tiling(latents.clone(), shape)), None),
        };
        Ok(Self { latents, shape, way })
    }

    /// One slice; the picture after the last.
    pub fn slice(&mut self, pipeline: &Pipeline<O>) -> Result<Option<Rgb8>, ModelError> {
        let (ops, vae) = (pipeline.ops.as_ref(), &pipeline.vae);
        match &mut self.way {
            Way::Whole(at) => match run_or_download(pipeline, at) {
                Ok(Ran::On(next)) => *at = next,
                Ok(Ran::Out(values)) => return self.picture(pipeline, &values).map(Some),
                Err(OpsError::OutOfMemory(_)) => {
                    self.way = Way::Tiled(Box::new(vae.tiling(self.latents.clone(), self.shape)), None);
                }
                Err(error) => return Err(error.into()),
            },
            Way::Tiled(tiling, at @ None) => match tiling.next_tile() {
                Some((tile, shape)) => *at = Some(vae.begin_decode(ops, ops.upload(&tile, &shape)?)),
                None => {
                    let values = std::mem::take(tiling.values_mut());
                    return self.picture(pipeline, &values).map(Some);
                }
            },
            Way::Tiled(tiling, at @ Some(_)) => {
                if let Some(progress) = at.as_ref() {
                    *at = match run_or_download(pipeline, progress)? {
                        Ran::On(next) => Some(next),
                        Ran::Out(values) => {
                            tiling.put(values);
                            None
                        }
                    };
                }
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
        let device: u64 = at.iter().flat_map(|at| at.tensors()).map(|x| pipeline.bytes(x)).sum();
        device + 4 * (self.latents.len() + tiling) as u64
    }

    fn picture(&self, pipeline: &Pipeline<O>, values: &[f32]) -> Result<Rgb8, ModelError> {
        let scale = pipeline.vae.config().scale();
        to_bytes(values, self.shape[3] * scale, self.shape[2] * scale)
    }
}

enum Ran<T> {
    On(Progress<T>),
    Out(Vec<f32>),
}

/// One slice of the decoder, or its result once there are no more.
fn run_or_download<O: Ops>(pipeline: &Pipeline<O>, at: &Progress<O::Tensor>) -> Result<Ran<O::Tensor>, OpsError> {
    match pipeline.vae.decode_slice(&pipeline.ops, at)? {
        Some(next) => Ok(Ran::On(next)),
        None => pipeline.ops.download(at.result()).map(Ran::Out),
    }
}
