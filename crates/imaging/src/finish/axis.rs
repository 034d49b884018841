//! The weights of a Lanczos3 resampling along one axis, computed once in f64 and used as f32 by both paths.
//!
//! Duchon, "Lanczos filtering in one and two dimensions" (1979); widened when a picture shrinks and cut off and renormalised at its
//! borders, as Pillow does. Every output pixel has the same number of taps, so that a shader needs no table of lengths: those that reach
//! less far carry zeros.

/// Lobes of the sinc on either side.
const SUPPORT: f64 = 3.0;

/// How one axis of a picture is resampled.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// Input pixels each output pixel is made of.
    pub taps: usize,
    /// For each output pixel, the first of its input pixels; `first + taps` never passes the end.
    pub first: Vec<u32>,
    /// For each output pixel, its `taps` weights, whose sum is 1.
    pub weights: Vec<f32>,
}

impl Axis {
    /// From `from` pixels to `to`, both at least 1.
    pub fn new(from: u32, to: u32) -> Self {
        if from == to {
            return Self { taps: 1, first: (0..to).collect(), weights: vec![1.0; to as usize] };
        }
        let scale = f64::from(from) / f64::from(to);
        let widened = scale.max(1.0);
        let reach = SUPPORT * widened;
        let taps = ((2.0 * reach).ceil() as u32 + 1).min(from);
        let (mut first, mut weights) = (Vec::new(), Vec::new());
        for x in 0..to {
            let centre = (f64::from(x) + 0.5) * scale;
            let start = ((centre - reach).floor().max(0.0) as u32).min(from - taps);
            let raw: Vec<f64> = (start..start + taps).map(|i| lanczos((f64::from(i) + 0.5 - centre) / widened)).collect();
            let sum: f64 = raw.iter().sum();
            first.push(start);
            weights.extend(raw.iter().map(|weight| (weight / sum) as f32));
        }
        Self { taps: taps as usize, first, weights }
    }

    /// The input pixels that the output pixels `from..to` are made of, as a range.
    pub fn window(&self, from: usize, to: usize) -> (usize, usize) {
        (self.first[from] as usize, self.first[to - 1] as usize + self.taps)
    }

    pub fn weights_of(&self, x: usize) -> &[f32] {
        &self.weights[x * self.taps..(x + 1) * self.taps]
    }
}

/// The window is open at its ends, where the function is zero anyway.
fn lanczos(x: f64) -> f64 {
    if x.abs() < SUPPORT { sinc(x) * sinc(x / SUPPORT) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}
