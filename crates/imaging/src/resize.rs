//! Resizing to the bit as Pillow does it with `LANCZOS`, which is what diffusers does to start pictures and to masks.
//!
//! Each axis is a convolution with a windowed sinc of support 3, widened when the picture shrinks, in 22-bit fixed point and with a
//! rounding to 8 bits between the axes. Width comes first, unless the width grows while the height shrinks (seen in Pillow 13).
//! Other libraries differ in the last bit, which the same seed would show.

use easel_types::{Gray8, Rgb8};

use crate::ImagingError;

/// Lobes of the sinc on either side.
const SUPPORT: f64 = 3.0;
/// Fixed-point bits: 32 less the 8 of a byte less 2 for the filter's overshoot.
const PRECISION_BITS: u32 = 22;

/// Resizes a picture; the same size is a copy.
pub fn resize_rgb(picture: &Rgb8, width: u32, height: u32) -> Result<Rgb8, ImagingError> {
    let size = Size { width: picture.width(), height: picture.height(), channels: Rgb8::CHANNELS };
    Ok(Rgb8::new(width, height, resize(picture.pixels(), size, width, height)?)?)
}

/// Resizes a mask; the same size is a copy.
pub fn resize_gray(mask: &Gray8, width: u32, height: u32) -> Result<Gray8, ImagingError> {
    let size = Size { width: mask.width(), height: mask.height(), channels: Gray8::CHANNELS };
    Ok(Gray8::new(width, height, resize(mask.pixels(), size, width, height)?)?)
}

#[derive(Clone, Copy)]
struct Size {
    width: u32,
    height: u32,
    channels: usize,
}

fn resize(pixels: &[u8], from: Size, width: u32, height: u32) -> Result<Vec<u8>, ImagingError> {
    if width == 0 || height == 0 || from.width == 0 || from.height == 0 {
        return Err(ImagingError::Size);
    }
    let channels = from.channels;
    if width > from.width && height < from.height {
        let low = resize_height(pixels, from.width as usize * channels, from.height, height);
        return Ok(resize_width(low, channels, from.width, width));
    }
    let wide = resize_width(pixels.to_vec(), channels, from.width, width);
    Ok(resize_height(&wide, width as usize * channels, from.height, height))
}

fn resize_width(pixels: Vec<u8>, channels: usize, from: u32, to: u32) -> Vec<u8> {
    if from == to {
        return pixels;
    }
    let filters = filters(from, to);
    pixels.chunks_exact(from as usize * channels).flat_map(|row| convolve_row(row, channels, &filters)).collect()
}

fn resize_height(pixels: &[u8], row: usize, from: u32, to: u32) -> Vec<u8> {
    if from == to {
        return pixels.to_vec();
    }
    filters(from, to).iter().flat_map(|filter| convolve_column(pixels, row, filter)).collect()
}

/// The weights of one output pixel over the input pixels from `first` on.
struct Filter {
    first: usize,
    weights: Vec<i32>,
}

fn filters(from: u32, to: u32) -> Vec<Filter> {
    let scale = f64::from(from) / f64::from(to);
    let widened = scale.max(1.0);
    let support = SUPPORT * widened;
    (0..to)
        .map(|x| {
            let centre = (f64::from(x) + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as u32;
            let last = ((centre + support + 0.5) as u32).min(from);
            let inverse = 1.0 / widened;
            let raw: Vec<f64> = (first..last).map(|i| lanczos((f64::from(i) - centre + 0.5) * inverse)).collect();
            let sum: f64 = raw.iter().sum();
            let weights = raw.iter().map(|weight| fixed(weight / sum)).collect();
            Filter { first: first as usize, weights }
        })
        .collect()
}

fn lanczos(x: f64) -> f64 {
    if (-SUPPORT..SUPPORT).contains(&x) { sinc(x) * sinc(x / SUPPORT) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}

/// Rounds half away from zero.
fn fixed(weight: f64) -> i32 {
    (weight * f64::from(1 << PRECISION_BITS) + if weight < 0.0 { -0.5 } else { 0.5 }) as i32
}

fn clip(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

fn convolve_row(row: &[u8], channels: usize, filters: &[Filter]) -> Vec<u8> {
    let mut out = Vec::with_capacity(filters.len() * channels);
    for filter in filters {
        for channel in 0..channels {
            let values = row[filter.first * channels + channel..].iter().step_by(channels);
            let products = values.zip(&filter.weights).map(|(&value, weight)| i32::from(value) * weight);
            out.push(clip((1 << (PRECISION_BITS - 1)) + products.sum::<i32>()));
        }
    }
    out
}

fn convolve_column(pixels: &[u8], row: usize, filter: &Filter) -> Vec<u8> {
    let mut sums = vec![1 << (PRECISION_BITS - 1); row];
    for (values, weight) in pixels[filter.first * row..].chunks_exact(row).zip(&filter.weights) {
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum += i32::from(value) * weight;
        }
    }
    sums.into_iter().map(clip).collect()
}
