//! Latents to a small picture without the decoder: one pixel per latent, a linear map of the channels to colours in -1..=1.

use easel_types::Rgb8;

use super::{Pipeline, picture::to_bytes};
use crate::{ModelError, ops::Ops, weights::Family};

/// Colours of the latents' channels.
#[derive(Debug, Clone, PartialEq)]
pub struct LatentColours {
    /// Red, green and blue of each channel.
    pub factors: Vec<[f64; 3]>,
    /// Added to every pixel.
    pub bias: [f64; 3],
}

impl LatentColours {
    /// The published ones of a family's own autoencoder, from ComfyUI's `latent_rgb_factors` and `latent_rgb_factors_bias`
    /// (<https://github.com/comfyanonymous/ComfyUI/blob/040a3243468ecefd1f2802592d90458f1ce4d65f/comfy/latent_formats.py>).
    pub fn of(family: Family) -> Self {
        let (factors, bias) = match family {
            Family::Sd1 | Family::Sd2 => (
                [[0.3512, 0.2297, 0.3227], [0.3250, 0.4974, 0.2350], [-0.2829, 0.1762, 0.2721], [-0.2120, -0.2616, -0.7177]],
                [0.0; 3],
            ),
            Family::Sdxl => (
                [[0.3651, 0.4232, 0.4341], [-0.2533, -0.0042, 0.1068], [0.1076, 0.1111, -0.0362], [-0.3165, -0.2492, -0.2188]],
                [0.1084, -0.0175, -0.0011],
            ),
        };
        Self { factors: factors.to_vec(), bias }
    }

    /// The planar colours of (channels, pixels) latents.
    fn apply(&self, latents: &[f32], pixels: usize) -> Vec<f32> {
        let mut out = Vec::with_capacity(3 * pixels);
        for colour in 0..3 {
            out.extend((0..pixels).map(|i| {
                let channels = self.factors.iter().zip(latents.chunks_exact(pixels));
                let sum: f64 = channels.map(|(factors, channel)| factors[colour] * f64::from(channel[i])).sum();
                (sum + self.bias[colour]) as f32
            }));
        }
        out
    }
}

impl<O: Ops> Pipeline<O> {
    /// The small picture of (1, channels, height, width) latents.
    pub fn preview(&self, latents: &O::Tensor) -> Result<Rgb8, ModelError> {
        let shape = self.ops.shape(latents);
        let (height, width) = (shape[2], shape[3]);
        let colours = self.description.colours.apply(&self.ops.download(latents)?, height * width);
        to_bytes(&colours, width, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_mixed_by_their_colours() {
        let colours = LatentColours { factors: vec![[1.0, 0.0, 0.5], [0.0, 2.0, 0.0]], bias: [0.0, 0.25, -0.5] };
        assert_eq!(colours.apply(&[0.5, -0.5, 0.1, 0.2], 2), [0.5, -0.5, 0.45, 0.65, -0.25, -0.75]);
    }
}
