//! Normalisations and what touches every number once, in bf16 against f64, on every set of instructions this processor has.

#![allow(missing_docs)]

use crate::common::{Random, activated, assert_rounded};
use easel_kernels::cpu::{
    Activation, GroupNorm,
    bf16::{Bf16, Bf16Isa, Border, Bordered, activate, add, group_norm, layer_norm, narrow, widen},
};

/// Beside the rounding, of numbers that are about 1.
const BOUND: f64 = 2e-5;

fn f(x: Bf16) -> f64 {
    f64::from(x.to_f32())
}

/// Numbers around a mean that is large against their deviation.
fn around(random: &mut Random, len: usize, mean: f32) -> Vec<Bf16> {
    random.values(len).into_iter().map(|x| Bf16::from_f32(mean + x)).collect()
}

fn moments(x: &[f64]) -> (f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64)
}

#[test]
fn group_norms_are_those_of_f64() {
    let mut random = Random(11);
    for case in 0..60 {
        let (rows, groups) = (1 + random.below(3), random.one_of(&[1, 2, 4, 8, 32]));
        let channels: usize = groups * random.one_of(&[1, 2, 3, 4, 10, 16]);
        let side = [1 + random.below(20), 1 + random.below(40)];
        let pixels = if channels.is_multiple_of(32) { random.below(2) } else { 0 };
        let shape = Border { rows, side, channels, pixels };
        let count = side[0] * side[1];
        let mean = random.one_of(&[0.0, 3.0, 40.0]);
        let x = around(&mut random, rows * count * channels, mean);
        let (scale, shift) = (random.values(channels), random.values(channels));
        let activation = random.one_of(&[Activation::None, Activation::Silu]);
        let norm = GroupNorm { groups, epsilon: 1e-5, scale: &scale, shift: &shift };
        let group = channels / groups;
        let mut expected = vec![(0.0, 0.0); x.len()];
        for (row, g) in (0..rows).flat_map(|row| (0..groups).map(move |g| (row, g))) {
            let places: Vec<usize> =
                (0..count).flat_map(|pixel| (0..group).map(move |c| (row * count + pixel) * channels + g * group + c)).collect();
            let numbers: Vec<f64> = places.iter().map(|i| f(x[*i])).collect();
            let (mean, variance) = moments(&numbers);
            for (i, x) in places.iter().zip(numbers) {
                let (scale, shift) = (f64::from(scale[i % channels]), f64::from(shift[i % channels]));
                let y = (x - mean) / (variance + 1e-5).sqrt() * scale + shift;
                expected[*i] = (activated(activation, y), 1.0 + (scale / (variance + 1e-5).sqrt() * mean).abs() / 8.0);
            }
        }
        for isa in Bf16Isa::available() {
            let length = if pixels == 0 { x.len() } else { shape.numbers() };
            let mut out = vec![Bf16::NAN; length];
            group_norm(isa, &x, shape, norm, activation, &mut out);
            let dense = match pixels {
                0 => out,
                _ => {
                    let mut dense = vec![Bf16::NAN; x.len()];
                    Bordered { numbers: &out, border: shape }.dense(&mut dense);
                    assert_border(&out, shape);
                    dense
                }
            };
            assert_rounded(&format!("{isa}, case {case}: {shape:?}, {groups} groups"), &dense, &expected, BOUND);
        }
    }
}

/// Everything around the map is zero.
fn assert_border(numbers: &[Bf16], shape: Border) {
    let [height, width] = shape.side.map(|side| side + 2);
    for (i, pixel) in numbers[..shape.rows * height * width * shape.channels].chunks_exact(shape.channels).enumerate() {
        let (y, x) = (i / width % height, i % width);
        if y == 0 || x == 0 || y == height - 1 || x == width - 1 {
            assert!(pixel.iter().all(|x| x.to_f32() == 0.0), "pixel {y}, {x} of {shape:?}");
        }
    }
}

#[test]
fn layer_norms_are_those_of_f64() {
    let mut random = Random(12);
    for _ in 0..40 {
        let (lines, width) = (1 + random.below(60), 1 + random.below(400));
        let mean = random.one_of(&[0.0, 5.0]);
        let x = around(&mut random, lines * width, mean);
        let (scale, shift) = (random.values(width), random.values(width));
        let expected: Vec<(f64, f64)> = x
            .chunks_exact(width)
            .flat_map(|line| {
                let line: Vec<f64> = line.iter().map(|x| f(*x)).collect();
                let (mean, variance) = moments(&line);
                let of = |(i, x): (usize, &f64)| {
                    let scale = f64::from(scale[i]);
                    let y = (x - mean) / (variance + 1e-5).sqrt() * scale + f64::from(shift[i]);
                    (y, 1.0 + (scale / (variance + 1e-5).sqrt() * mean).abs())
                };
                line.iter().enumerate().map(of).collect::<Vec<_>>()
            })
            .collect();
        for isa in Bf16Isa::available() {
            let mut out = vec![Bf16::NAN; x.len()];
            layer_norm(isa, &x, 1e-5, &scale, &shift, &mut out);
            assert_rounded(&format!("{isa}: {lines} x {width}"), &out, &expected, BOUND);
        }
    }
}

#[test]
fn a_row_is_the_same_in_any_company() {
    let mut random = Random(13);
    for (side, channels, pixels) in [([9, 31], 20, 0), ([16, 16], 320, 1), ([64, 64], 64, 1)] {
        let each = side[0] * side[1] * channels;
        let x = random.halves(4 * each);
        let (scale, shift) = (random.values(channels), random.values(channels));
        let norm = GroupNorm { groups: 4, epsilon: 1e-5, scale: &scale, shift: &shift };
        for isa in Bf16Isa::available() {
            let run = |rows: std::ops::Range<usize>| {
                let shape = Border { rows: rows.len(), side, channels, pixels };
                let x = &x[rows.start * each..rows.end * each];
                let mut dense = vec![Bf16::ZERO; x.len()];
                match pixels {
                    0 => group_norm(isa, x, shape, norm, Activation::Silu, &mut dense),
                    _ => {
                        let mut out = vec![Bf16::NAN; shape.numbers()];
                        group_norm(isa, x, shape, norm, Activation::Silu, &mut out);
                        Bordered { numbers: &out, border: shape }.dense(&mut dense);
                    }
                }
                dense.into_iter().map(Bf16::to_bits).collect::<Vec<_>>()
            };
            let all = run(0..4);
            for rows in [0..1, 1..2, 1..4, 3..4] {
                assert_eq!(run(rows.clone()), all[rows.start * each..rows.end * each], "{isa}: rows {rows:?}");
            }
        }
    }
}

#[test]
fn sums_and_activations_are_those_of_f64() {
    let mut random = Random(14);
    for len in [1, 15, 16, 17, 100, 40_000] {
        let (a, b) = (random.halves(len), random.halves(len));
        let sums: Vec<_> = a.iter().zip(&b).map(|(a, b)| (f(*a) + f(*b), 1.0)).collect();
        for isa in Bf16Isa::available() {
            let mut out = vec![Bf16::NAN; len];
            add(isa, &a, &b, &mut out);
            assert_rounded(&format!("{isa}: {len} sums"), &out, &sums, 1e-7);
            for activation in [Activation::Silu, Activation::Gelu, Activation::QuickGelu] {
                let expected: Vec<_> = a.iter().map(|a| (activated(activation, f(*a)), 1.0)).collect();
                activate(isa, &a, activation, &mut out);
                assert_rounded(&format!("{isa}: {len} by {activation:?}"), &out, &expected, 1e-6);
            }
        }
    }
}

/// To the nearest, halves to the even one; there and back is the same number; what is not a number stays so.
#[test]
fn rounding_is_that_of_the_format() {
    let mut random = Random(15);
    let mut x = random.values(1000);
    x.extend([
        1.0,
        1.0 + 1.0 / 256.0,
        1.0 + 3.0 / 256.0,
        -1.0 - 1.0 / 256.0,
        f32::MAX,
        f32::INFINITY,
        f32::NEG_INFINITY,
        0.0,
        -0.0,
    ]);
    x.extend([f32::NAN, f32::from_bits(0x7fff_ffff), f32::from_bits(0xffff_ffff), f32::from_bits(0x7f80_0001)]);
    for isa in Bf16Isa::available() {
        let (mut half, mut back) = (vec![Bf16::ZERO; x.len()], vec![0f32; x.len()]);
        narrow(isa, &x, &mut half);
        widen(isa, &half, &mut back);
        for ((x, half), back) in x.iter().zip(&half).zip(&back) {
            assert_eq!(x.is_nan(), half.is_nan(), "{isa}: {x} becomes {half}");
            if !x.is_nan() {
                assert_eq!(half.to_bits(), Bf16::from_f32(*x).to_bits(), "{isa}: {x} becomes {half}");
                assert_eq!(back.to_bits(), u32::from(half.to_bits()) << 16, "{isa}: {half} becomes {back}");
            }
        }
    }
}
