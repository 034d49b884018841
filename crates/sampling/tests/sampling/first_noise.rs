//! Variation seeds, seeds of another size and ENSD against the web UI's formulas (`modules/rng.py`), worked out again in f64.

use easel_sampling::{FirstNoise, NoiseSource, NoiseStream, TorchCpu};
use easel_types::NoiseKind;

const SHAPE: [usize; 3] = [4, 6, 5];

fn randn(seed: u64, shape: &[usize]) -> Vec<f32> {
    TorchCpu::new(seed).randn(shape)
}

fn drawn(said: FirstNoise, seed: u64, shape: [usize; 3]) -> (Vec<f32>, NoiseStream) {
    let mut stream = NoiseStream::new(NoiseKind::TorchCpu, seed, &shape, None);
    (said.draw(&mut stream, NoiseKind::TorchCpu, seed, shape), stream)
}

/// `slerp` of the web UI in f64: norms along dimension 1 of (channels, height, width).
fn slerp(strength: f64, low: &[f32], high: &[f32], [channels, height, width]: [usize; 3]) -> Vec<f64> {
    let mut out = vec![0.0; low.len()];
    for c in 0..channels {
        for x in 0..width {
            let at: Vec<usize> = (0..height).map(|y| (c * height + y) * width + x).collect();
            let norm = |values: &[f32]| at.iter().map(|&i| f64::from(values[i]).powi(2)).sum::<f64>().sqrt();
            let dot: f64 = at.iter().map(|&i| f64::from(low[i]) * f64::from(high[i])).sum::<f64>() / (norm(low) * norm(high));
            let omega = dot.acos();
            for &i in &at {
                let parts = [((1.0 - strength) * omega).sin() * f64::from(low[i]), (strength * omega).sin() * f64::from(high[i])];
                out[i] = parts.iter().sum::<f64>() / omega.sin();
            }
        }
    }
    out
}

fn assert_near(ours: &[f32], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((f64::from(*ours) - theirs).abs() < 2e-5, "{ours} is not {theirs}");
    }
}

#[test]
fn a_variation_lies_on_the_arc_between_two_seeds() {
    for strength in [0.1, 0.5, 0.9] {
        let said = FirstNoise { variation: Some((77, strength as f32)), ..FirstNoise::default() };
        let (noise, mut stream) = drawn(said, 5, SHAPE);
        assert_near(&noise, &slerp(strength, &randn(5, &SHAPE), &randn(77, &SHAPE), SHAPE));
        let mut own = TorchCpu::new(5);
        assert_eq!([own.randn(&SHAPE), own.randn(&SHAPE)][1], stream.next(), "what follows is the seed's own");
    }
}

#[test]
fn noise_of_another_size_lies_in_the_middle_of_the_seeds_own() {
    for (from, above, left) in [([4, 3], 1, 1), ([2, 5], 2, 0), ([6, 4], 0, 0)] {
        let said = FirstNoise { resized_from: Some(from), ..FirstNoise::default() };
        let (noise, _) = drawn(said, 9, SHAPE);
        let (own, small) = (randn(9, &SHAPE), randn(9, &[SHAPE[0], from[0], from[1]]));
        for (i, value) in noise.iter().enumerate() {
            let (c, y, x) = (i / 30, i / 5 % 6, i % 5);
            let inside = (above..above + from[0]).contains(&y) && (left..left + from[1]).contains(&x);
            let expected = if inside { small[(c * from[0] + y - above) * from[1] + x - left] } else { own[i] };
            assert_eq!(*value, expected, "{from:?} {c} {y} {x}");
        }
    }
    let same = FirstNoise { resized_from: Some([6, 5]), ..FirstNoise::default() };
    assert_eq!(drawn(same, 9, SHAPE).0, randn(9, &SHAPE));
}

#[test]
fn a_variation_of_another_size_is_mixed_before_it_is_laid_in() {
    let said = FirstNoise { variation: Some((2, 0.4)), resized_from: Some([4, 3]), later_seed_delta: 0 };
    let from = [4, 4, 3];
    let mixed = slerp(f64::from(0.4f32), &randn(1, &from), &randn(2, &from), from);
    let (noise, _) = drawn(said, 1, SHAPE);
    let inside: Vec<f32> =
        (0..4).flat_map(|c| (1..5).flat_map(move |y| (1..4).map(move |x| (c * 6 + y) * 5 + x))).map(|i| noise[i]).collect();
    assert_near(&inside, &mixed);
}

#[test]
fn ensd_changes_all_noise_but_the_first() {
    let said = FirstNoise { later_seed_delta: 31337, ..FirstNoise::default() };
    let (noise, mut stream) = drawn(said, 10, SHAPE);
    assert_eq!(noise, randn(10, &SHAPE));
    assert_eq!(stream.next(), randn(31347, &SHAPE));
    let (_, mut back) = drawn(FirstNoise { later_seed_delta: -1, ..FirstNoise::default() }, 10, SHAPE);
    assert_eq!(back.next(), randn(9, &SHAPE));
}
