//! Pictures and masks to the numbers the networks take, and back.

use easel_types::{Gray8, Rgb8};

use super::Pipeline;
use crate::{
    ModelError,
    ops::{Ops, OpsError},
};

/// Pictures above this many pixels are decoded in tiles (1 megapixel: the whole decoder then needs several GiB).
const WHOLE_DECODE_PIXELS: usize = 1 << 20;

/// -1..=1, planar: diffusers' `VaeImageProcessor.preprocess`.
pub(super) fn normalise(picture: &Rgb8) -> Vec<f32> {
    let pixels = picture.pixels();
    let count = pixels.len() / 3;
    let mut out = Vec::with_capacity(pixels.len());
    for channel in 0..3 {
        out.extend((0..count).map(|i| 2.0 * (pixels[3 * i + channel] as f32 / 255.0) - 1.0));
    }
    out
}

/// 1 where the mask is repainted, 0 where it is kept, at the picture's resolution.
pub(super) fn binarise(mask: &Gray8) -> Vec<f32> {
    mask.pixels().iter().map(|v| if *v as f32 / 255.0 < 0.5 { 0.0 } else { 1.0 }).collect()
}

/// Every `scale`-th value in both directions, as torch's nearest `interpolate` picks them.
pub(super) fn subsample(values: &[f32], width: usize, height: usize, scale: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len() / (scale * scale));
    for y in 0..height / scale {
        out.extend((0..width / scale).map(|x| values[y * scale * width + x * scale]));
    }
    out
}

/// `round(clamp(x / 2 + 0.5) * 255)`, half to even as numpy and torch round.
fn to_bytes(values: &[f32], width: usize, height: usize) -> Result<Rgb8, ModelError> {
    let plane = width * height;
    let mut pixels = vec![0u8; 3 * plane];
    for channel in 0..3 {
        for i in 0..plane {
            let v = (values[channel * plane + i] / 2.0 + 0.5).clamp(0.0, 1.0);
            pixels[3 * i + channel] = (v * 255.0).round_ties_even() as u8;
        }
    }
    Rgb8::new(width as u32, height as u32, pixels).map_err(|e| ModelError::Unsupported(e.to_string()))
}

impl<O: Ops> Pipeline<O> {
    /// Scaled latents sampled from the posterior of a picture in -1..=1.
    pub(super) fn encode_picture(
        &self,
        values: &[f32],
        [height, width]: [usize; 2],
        noise: impl FnOnce(&[usize]) -> Vec<f32>,
    ) -> Result<Vec<f32>, ModelError> {
        let posterior = self.vae.encode(&self.ops, &self.ops.upload(values, &[1, 3, height, width])?)?;
        let config = self.vae.config();
        let (factor, shift) = (config.scaling_factor as f32, config.shift_factor.unwrap_or(0.0) as f32);
        let noise = noise(&posterior.shape);
        Ok(posterior.sample(&noise).into_iter().map(|v| (v - shift) * factor).collect())
    }

    /// The picture of (1, channels, height, width) latents, in tiles where it is large or where memory is short.
    pub fn decode(&self, latents: &O::Tensor) -> Result<Rgb8, ModelError> {
        let shape = self.ops.shape(latents);
        let scale = self.vae.config().scale();
        let (height, width) = (shape[2] * scale, shape[3] * scale);
        let unscaled = self.unscale(latents)?;
        let values = match height * width <= WHOLE_DECODE_PIXELS {
            false => self.vae.decode_tiled(&self.ops, &unscaled)?,
            true => match self.vae.decode(&self.ops, &unscaled).and_then(|x| self.ops.download(&x)) {
                Err(OpsError::OutOfMemory(_)) => self.vae.decode_tiled(&self.ops, &unscaled)?,
                values => values?,
            },
        };
        to_bytes(&values, width, height)
    }

    fn unscale(&self, latents: &O::Tensor) -> Result<O::Tensor, ModelError> {
        let config = self.vae.config();
        let values = self.ops.download(latents)?;
        let (factor, shift) = (config.scaling_factor as f32, config.shift_factor.unwrap_or(0.0) as f32);
        let values: Vec<f32> = values.into_iter().map(|v| v / factor + shift).collect();
        Ok(self.ops.upload(&values, &self.ops.shape(latents))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_is_repainted_and_the_threshold_is_half() {
        let mask = Gray8::new(4, 1, vec![0, 127, 128, 255]).expect("four pixels");
        assert_eq!(binarise(&mask), [0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn bytes_round_half_to_even_and_saturate() {
        let picture = to_bytes(&[-2.0, 0.0, 2.0], 1, 1).expect("one pixel");
        assert_eq!(picture.pixels(), [0, 128, 255]);
    }

    #[test]
    fn subsampling_takes_the_first_of_each_cell() {
        let values: Vec<f32> = (0..16).map(|v| v as f32).collect();
        assert_eq!(subsample(&values, 4, 4, 2), [0.0, 2.0, 8.0, 10.0]);
    }
}
