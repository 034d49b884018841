//! Latents of another size, as torch's `interpolate` computes them on a processor: given a size, `align_corners = False`, in f32.

use easel_types::LatentScaling;

/// What one output of an axis is made of: the first input, and the weights from there on. Inputs beyond the ends are the last ones.
struct Taps {
    first: i64,
    weights: Vec<f32>,
}

/// Planes of `from` = (height, width) as planes of `to`. Both directions are scaled one after the other, as the kernels are products.
pub(super) fn interpolate(values: &[f32], from: [usize; 2], to: [usize; 2], scaling: LatentScaling) -> Vec<f32> {
    let [height, width] = from;
    let across: Vec<Taps> = (0..to[1]).map(|x| taps(x, width, to[1], scaling)).collect();
    let down: Vec<Taps> = (0..to[0]).map(|y| taps(y, height, to[0], scaling)).collect();
    let mut out = Vec::with_capacity(values.len() / (height * width).max(1) * to[0] * to[1]);
    for plane in values.chunks_exact(height * width) {
        let rows: Vec<f32> =
            plane.chunks_exact(width).flat_map(|row| across.iter().map(move |taps| taps.sum(width, |i| row[i]))).collect();
        for taps in &down {
            out.extend((0..to[1]).map(|x| taps.sum(height, |i| rows[i * to[1] + x])));
        }
    }
    out
}

/// The middle of planes of `from`; as much more is cut off below and on the right where the rest is odd.
pub(super) fn middle(values: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let (above, left) = ((from[0] - to[0]) / 2, (from[1] - to[1]) / 2);
    let planes = values.chunks_exact(from[0] * from[1]);
    let rows = planes.flat_map(|plane| plane.chunks_exact(from[1]).skip(above).take(to[0]));
    rows.flat_map(|row| row[left..left + to[1]].iter().copied()).collect()
}

impl Taps {
    fn sum(&self, size: usize, value: impl Fn(usize) -> f32) -> f32 {
        let last = size as i64 - 1;
        let at = |k: usize| value((self.first + k as i64).clamp(0, last) as usize);
        self.weights.iter().enumerate().map(|(k, weight)| weight * at(k)).sum()
    }
}

fn taps(index: usize, from: usize, to: usize, scaling: LatentScaling) -> Taps {
    let scale = from as f32 / to as f32;
    let at = scale * (index as f32 + 0.5);
    let one = |first: f32| Taps { first: first as i64, weights: vec![1.0] };
    match scaling {
        LatentScaling::Nearest => one((index as f32 * scale).floor()),
        LatentScaling::NearestExact => one(at.floor()),
        LatentScaling::Bilinear => {
            let at = (at - 0.5).max(0.0);
            let part = at - at.floor();
            Taps { first: at as i64, weights: vec![1.0 - part, part] }
        }
        LatentScaling::Bicubic => {
            let at = at - 0.5;
            let part = at - at.floor();
            let weights = [part + 1.0, part, 1.0 - part, 2.0 - part].map(|distance| cubic(distance, -0.75));
            Taps { first: at.floor() as i64 - 1, weights: weights.to_vec() }
        }
        LatentScaling::BilinearAntialiased => normalised(at, scale, from, 1.0, |distance| (1.0 - distance).max(0.0)),
        LatentScaling::BicubicAntialiased => normalised(at, scale, from, 2.0, |distance| cubic(distance, -0.5)),
    }
}

/// A kernel that becomes wider where the picture shrinks, over the inputs that are there, with weights of sum 1.
fn normalised(at: f32, scale: f32, from: usize, reach: f32, kernel: impl Fn(f32) -> f32) -> Taps {
    let stretch = scale.max(1.0);
    let support = reach * stretch;
    let first = ((at - support + 0.5) as i64).max(0);
    let end = ((at + support + 0.5) as i64).min(from as i64);
    let weights: Vec<f32> = (first..end).map(|i| kernel(((i as f32 - at + 0.5) / stretch).abs())).collect();
    let sum: f32 = weights.iter().sum();
    Taps { first, weights: weights.into_iter().map(|weight| weight / sum).collect() }
}

/// Keys' cubic convolution at a distance from its middle.
fn cubic(distance: f32, a: f32) -> f32 {
    match distance {
        d if d < 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
        d if d < 2.0 => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [LatentScaling; 6] = [
        LatentScaling::Bilinear,
        LatentScaling::BilinearAntialiased,
        LatentScaling::Bicubic,
        LatentScaling::BicubicAntialiased,
        LatentScaling::Nearest,
        LatentScaling::NearestExact,
    ];

    /// The weight of input `i` in output `o`, by the definition of each mode in f64 (`aten/src/ATen/native/UpSample.h`): a sum over all inputs,
    /// those beyond the ends being added to the last ones.
    fn weight(o: usize, i: usize, from: usize, to: usize, scaling: LatentScaling) -> f64 {
        let scale = from as f64 / to as f64;
        let centre = (o as f64 + 0.5) * scale;
        let keys = |x: f64, a: f64| match x.abs() {
            x if x <= 1.0 => (a + 2.0) * x.powi(3) - (a + 3.0) * x.powi(2) + 1.0,
            x if x < 2.0 => a * x.powi(3) - 5.0 * a * x.powi(2) + 8.0 * a * x - 4.0 * a,
            _ => 0.0,
        };
        let tent = |x: f64| (1.0 - x.abs()).max(0.0);
        // The kernel over an axis that goes on beyond both ends with its last values.
        let clamped = |kernel: &dyn Fn(f64) -> f64| -> f64 {
            let inputs = (-8..from as i64 + 8).filter(|j| (*j).clamp(0, from as i64 - 1) == i as i64);
            inputs.map(|j| kernel(j as f64 + 0.5 - centre)).sum()
        };
        let widened = |kernel: &dyn Fn(f64) -> f64| -> f64 {
            let at = |j: usize| kernel((j as f64 + 0.5 - centre) / scale.max(1.0));
            at(i) / (0..from).map(at).sum::<f64>()
        };
        let only = |j: f64| f64::from(u8::from((j as usize).min(from - 1) == i));
        match scaling {
            LatentScaling::Bilinear => clamped(&tent),
            LatentScaling::Bicubic => clamped(&|x| keys(x, -0.75)),
            LatentScaling::BilinearAntialiased => widened(&tent),
            LatentScaling::BicubicAntialiased => widened(&|x| keys(x, -0.5)),
            LatentScaling::Nearest => only((o as f64 * scale).floor()),
            LatentScaling::NearestExact => only(centre.floor()),
        }
    }

    #[test]
    fn every_mode_is_its_definition() {
        let sizes =
            [([3, 4], [6, 8]), ([5, 4], [8, 7]), ([8, 8], [12, 20]), ([7, 9], [4, 3]), ([2, 2], [2, 2]), ([1, 3], [2, 5])];
        for scaling in ALL {
            for ([height, width], [to_height, to_width]) in sizes {
                let values: Vec<f32> = (0..2 * height * width).map(|i| (i as f32 * 0.83).sin() * 3.0).collect();
                let ours = interpolate(&values, [height, width], [to_height, to_width], scaling);
                assert_eq!(ours.len(), 2 * to_height * to_width);
                for (at, value) in ours.iter().enumerate() {
                    let (c, y, x) = (at / (to_height * to_width), at / to_width % to_height, at % to_width);
                    let parts = (0..height).flat_map(|i| (0..width).map(move |j| (i, j))).map(|(i, j)| {
                        let input = f64::from(values[(c * height + i) * width + j]);
                        weight(y, i, height, to_height, scaling) * weight(x, j, width, to_width, scaling) * input
                    });
                    let theirs: f64 = parts.sum();
                    assert!(
                        (f64::from(*value) - theirs).abs() < 1e-5,
                        "{scaling:?} {height}x{width} {c} {y} {x}: {value} is not {theirs}"
                    );
                }
            }
        }
    }

    /// From torch's documentation of `Upsample`: a picture of 1 to 4, twice as large.
    #[test]
    fn bilinear_is_as_torch_documents_it() {
        let twice = interpolate(&[1.0, 2.0, 3.0, 4.0], [2, 2], [4, 4], LatentScaling::Bilinear);
        let documented = [1.0, 1.25, 1.75, 2.0, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3.0, 3.25, 3.75, 4.0];
        assert_eq!(twice, documented);
    }

    #[test]
    fn the_middle_is_cut_out() {
        let values: Vec<f32> = (0..24).map(|i| i as f32).collect();
        assert_eq!(middle(&values, [3, 4], [1, 2]), [5.0, 6.0, 17.0, 18.0]);
        assert_eq!(
            middle(&values, [4, 3], [3, 3]),
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0, 20.0]
        );
    }
}
