//! What A1111 does with initial noise: variation seeds and seed resizing. Tensors are (channels, height, width) in row-major order.

use easel_types::NoiseKind;

use super::{NoiseStream, noise_source};

/// What a request says of its first noise besides the seed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FirstNoise {
    /// Another seed, and how much of its noise there is.
    pub variation: Option<(u64, f32)>,
    /// (height, width) of the noise that is laid into the middle, in latents.
    pub resized_from: Option<[usize; 2]>,
    /// Added to the seed for whatever is drawn after the first noise; 0 goes on with the first generator.
    pub later_seed_delta: i64,
}

impl FirstNoise {
    /// The first noise of a picture of this seed. Of the stream one tensor is drawn, whatever is said; `shape` is its
    /// (channels, height, width).
    pub fn draw(&self, stream: &mut NoiseStream, kind: NoiseKind, seed: u64, shape: [usize; 3]) -> Vec<f32> {
        let [channels, height, width] = shape;
        // Sizes that come to the same latents are no others.
        let other = self.resized_from.filter(|from| *from != [height, width]);
        let [from_height, from_width] = other.unwrap_or([height, width]);
        let from = [channels, from_height, from_width];
        let own = stream.next();
        let resized = other.map(|_| noise_source(kind, seed).randn(&from));
        let noise = resized.as_deref().unwrap_or(&own);
        let mixed = self.variation.map(|(seed, strength)| slerp(strength, noise, &noise_source(kind, seed).randn(&from), from));
        if self.later_seed_delta != 0 {
            stream.go_on_with(noise_source(kind, seed.wrapping_add_signed(self.later_seed_delta)));
        }
        match (other, mixed.or(resized)) {
            (Some(_), Some(noise)) => seed_resize(&own, shape, &noise, from),
            (None, Some(noise)) => noise,
            (_, None) => own,
        }
    }
}

/// Blends two noise tensors along the arc between them, column by column of each channel (A1111 takes the norms along the height).
///
/// Where the two nearly agree A1111 blends straight instead, and the wrong way round; kept as it is.
pub fn slerp(strength: f32, low: &[f32], high: &[f32], shape: [usize; 3]) -> Vec<f32> {
    let [channels, height, width] = shape;
    assert!(low.len() == channels * height * width && high.len() == low.len(), "noise of another shape");
    let column = |c: usize, x: usize| (0..height).map(move |y| (c * height + y) * width + x);
    let norm = |noise: &[f32], c, x| column(c, x).map(|i| noise[i] * noise[i]).sum::<f32>().sqrt();
    let cosine = |(c, x)| {
        let (long, wide) = (norm(low, c, x), norm(high, c, x));
        let cosine = torch_sum(&column(c, x).map(|i| (low[i] / long) * (high[i] / wide)).collect::<Vec<f32>>());
        if cosine.is_nan() { 1.0 } else { cosine.clamp(-1.0, 1.0) }
    };
    let columns: Vec<(usize, usize)> = (0..channels).flat_map(|c| (0..width).map(move |x| (c, x))).collect();
    let cosines: Vec<f32> = columns.iter().copied().map(cosine).collect();
    if cosines.iter().sum::<f32>() / cosines.len().max(1) as f32 > 0.9995 {
        return low.iter().zip(high).map(|(low, high)| low * strength + high * (1.0 - strength)).collect();
    }
    let mut blended = vec![0.0; low.len()];
    for ((c, x), cosine) in columns.into_iter().zip(cosines) {
        let omega = f64::from(cosine).acos() as f32;
        let sine = |angle: f32| f64::from(angle).sin() as f32;
        // Opposite or equal columns leave the arc undefined.
        let (a, b) = match sine(omega) {
            sin if sin < 1e-6 => (1.0 - strength, strength),
            sin => (sine((1.0 - strength) * omega) / sin, sine(strength * omega) / sin),
        };
        column(c, x).for_each(|i| blended[i] = a * low[i] + b * high[i]);
    }
    blended
}

/// A sum of f32 in the order in which torch adds along a dimension that is not the last (`multi_row_sum` of its `SumKernel.cpp`). Columns that are
/// nearly opposite make much of the last bit: there the web UI's noise is large, and its pictures are what they are because of it.
fn torch_sum(values: &[f32]) -> f32 {
    const LANES: usize = 4;
    const STEP: usize = 16;
    let rows = values.len() / LANES;
    let lane = |lane: usize| {
        let mut levels = [0.0f32; 4];
        for row in 0..rows {
            levels[0] += values[row * LANES + lane];
            let mut done = row + 1;
            for level in 1..levels.len() {
                if done % STEP != 0 {
                    break;
                }
                levels[level] += std::mem::take(&mut levels[level - 1]);
                done /= STEP;
            }
        }
        levels
    };
    let sum = |levels: [f32; 4]| levels[1..].iter().fold(levels[0], |sum, level| sum + level);
    let rest = &values[rows * LANES..];
    let first = rest.iter().fold(sum(lane(0)), |sum, value| sum + value);
    (1..LANES).fold(first, |all, at| all + sum(lane(at)))
}

/// Pastes noise of another size into the middle of `canvas`, so that a picture keeps its composition when its size changes.
pub fn seed_resize(canvas: &[f32], canvas_shape: [usize; 3], noise: &[f32], noise_shape: [usize; 3]) -> Vec<f32> {
    let [channels, height, width] = canvas_shape;
    let [noise_channels, noise_height, noise_width] = noise_shape;
    assert!(canvas.len() == channels * height * width && channels == noise_channels, "a canvas of another shape");
    assert!(noise.len() == noise_channels * noise_height * noise_width, "noise of another shape");
    let (to_y, from_y, rows) = placement(height, noise_height);
    let (to_x, from_x, columns) = placement(width, noise_width);
    let mut pasted = canvas.to_vec();
    for c in 0..channels {
        for y in 0..rows {
            let to = (c * height + to_y + y) * width + to_x;
            let from = (c * noise_height + from_y + y) * noise_width + from_x;
            pasted[to..to + columns].copy_from_slice(&noise[from..from + columns]);
        }
    }
    pasted
}

/// `(target start, source start, length)` along one axis. Halves round down, towards a larger overhang, as Python's `//` does.
fn placement(target: usize, source: usize) -> (usize, usize, usize) {
    if target >= source {
        return ((target - source) / 2, 0, source);
    }
    let overhang = (source - target).div_ceil(2);
    (0, overhang, source - 2 * overhang)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_arc_are_the_two_noises() {
        let low: Vec<f32> = (0..12).map(|i| (i as f32 * 1.7).sin()).collect();
        let high: Vec<f32> = (0..12).map(|i| (i as f32 * 0.9).cos()).collect();
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near(&slerp(0.0, &low, &high, [1, 4, 3]), &low));
        assert!(near(&slerp(1.0, &low, &high, [1, 4, 3]), &high));
        assert_eq!(slerp(0.25, &low, &low, [1, 4, 3]), low);
    }

    #[test]
    fn smaller_noise_lands_in_the_middle_and_larger_noise_is_cut() {
        let small = seed_resize(&[0.0; 12], [1, 3, 4], &[1.0, 2.0], [1, 1, 2]);
        assert_eq!(small, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let large = seed_resize(&[0.0; 2], [1, 1, 2], &(0..16).map(|i| i as f32).collect::<Vec<_>>(), [1, 4, 4]);
        assert_eq!(large, [0.0, 0.0], "an odd overhang leaves no row");
        let even = seed_resize(&[0.0; 4], [1, 2, 2], &(0..16).map(|i| i as f32).collect::<Vec<_>>(), [1, 4, 4]);
        assert_eq!(even, [5.0, 6.0, 9.0, 10.0]);
    }
}
