//! Pictures and masks to the numbers the networks take, and back.

use easel_types::{Gray8, Rgb8};

use crate::ModelError;

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

/// 0..=1, planar: what ControlNets look at.
pub(super) fn planes(picture: &Rgb8) -> Vec<f32> {
    let pixels = picture.pixels();
    (0..3).flat_map(|channel| pixels.iter().skip(channel).step_by(3).map(|value| f32::from(*value) / 255.0)).collect()
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
pub(super) fn to_bytes(values: &[f32], width: usize, height: usize) -> Result<Rgb8, ModelError> {
    if !values.iter().all(|value| value.is_finite()) {
        // Clamping would make them black.
        let reason = "the autoencoder gave numbers that are not finite; some overflow in f16, and not with --precision bf16";
        return Err(ModelError::Unsupported(reason.into()));
    }
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
    fn what_is_not_finite_becomes_no_picture() {
        for value in [f32::NAN, f32::INFINITY] {
            assert!(to_bytes(&[0.0, value, 0.0], 1, 1).is_err());
        }
    }

    #[test]
    fn subsampling_takes_the_first_of_each_cell() {
        let values: Vec<f32> = (0..16).map(|v| v as f32).collect();
        assert_eq!(subsample(&values, 4, 4, 2), [0.0, 2.0, 8.0, 10.0]);
    }
}
