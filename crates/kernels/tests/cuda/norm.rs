//! The CUDA kernels' normalisations against f64, over random shapes.

#![allow(missing_docs)]

use crate::common::{Random, activated, assert_close, bits};
use crate::cuda_common::{FORMATS, on_machines, rounded, rounding};
use easel_kernels::{
    cpu::Activation,
    cuda::{GroupNorm, Machine, NormWeights},
};

on_machines!(groups, far_from_zero, layers, company);

/// (mean, deviation with epsilon) of the numbers.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    (mean, (values.map(|x| (x - mean).powi(2)).sum::<f64>() / count + 1e-5).sqrt())
}

struct Case {
    rows: usize,
    pixels: usize,
    channels: usize,
    groups: usize,
    activation: Activation,
}

fn reference(case: &Case, x: &[f32], scale: &[f32], shift: &[f32]) -> Vec<(f64, f64)> {
    let Case { rows, pixels, channels, groups, activation } = *case;
    let width = channels / groups;
    let mut out = vec![(0.0, 0.0); x.len()];
    for (row, group) in (0..rows).flat_map(|row| (0..groups).map(move |group| (row, group))) {
        let places = (0..pixels).flat_map(|p| (0..width).map(move |c| (row * pixels + p) * channels + group * width + c));
        let (mean, deviation) = moments(places.clone().map(|i| f64::from(x[i])));
        for i in places {
            let (scale, shift) = (f64::from(scale[i % channels]), f64::from(shift[i % channels]));
            let normed = (f64::from(x[i]) - mean) / deviation;
            // What f32 loses of a number and of the mean next to it.
            let size = (f64::from(x[i]).abs() + mean.abs()) / deviation * scale.abs() + shift.abs();
            out[i] = (activated(activation, normed * scale + shift), size);
        }
    }
    out
}

fn check(machine: &Machine, random: &mut Random, case: &Case, offset: f32) {
    for format in FORMATS {
        let values: Vec<f32> = random.values(case.rows * case.pixels * case.channels).iter().map(|x| x + offset).collect();
        let (x, values) = rounded(machine, &values, format);
        let (scale, shift) = (random.values(case.channels), random.values(case.channels));
        let weights = NormWeights::new(machine, 1e-5, &scale, &shift).expect("weights");
        let norm = GroupNorm { rows: case.rows, groups: case.groups, weights: &weights, activation: case.activation };
        let found = machine.download(&machine.group_norm(&x, norm).expect("a norm")).expect("numbers");
        let what =
            format!("{} rows, {} pixels, {} channels, {} groups, {format:?}", case.rows, case.pixels, case.channels, case.groups);
        assert_close(&what, &found, &reference(case, &values, &scale, &shift), rounding(format));
    }
}

fn groups(machine: &Machine) {
    let mut random = Random(0x5eed_0021);
    for (channels, groups) in [(4, 2), (6, 3), (16, 8), (32, 8), (128, 32), (320, 32), (1920, 32), (2560, 32)] {
        let activation = random.one_of(&[Activation::None, Activation::Silu]);
        let pixels = [1, 31, 33, 65, 1 + random.below(200)][random.below(5)];
        let rows = 1 + random.below(2);
        check(machine, &mut random, &Case { rows, pixels, channels, groups, activation }, 0.0);
    }
    // More pixels than parts of the smallest size: parts grow.
    check(machine, &mut random, &Case { rows: 1, pixels: 8500, channels: 8, groups: 2, activation: Activation::Silu }, 0.0);
}

/// A mean a hundred times the deviation: sums of squares would have cancelled.
fn far_from_zero(machine: &Machine) {
    let mut random = Random(0x5eed_0022);
    check(machine, &mut random, &Case { rows: 1, pixels: 300, channels: 32, groups: 4, activation: Activation::None }, 100.0);
}

fn layers(machine: &Machine) {
    let mut random = Random(0x5eed_0023);
    for width in [4, 7, 32, 77, 320, 1280, 2048] {
        for format in FORMATS {
            let lines = 1 + random.below(20);
            let (x, values) = rounded(machine, &random.values(lines * width), format);
            let (scale, shift) = (random.values(width), random.values(width));
            let weights = NormWeights::new(machine, 1e-5, &scale, &shift).expect("weights");
            let found = machine.download(&machine.layer_norm(&x, &weights).expect("a norm")).expect("numbers");
            let case = Case { rows: lines, pixels: 1, channels: width, groups: 1, activation: Activation::None };
            let expected = reference(&case, &values, &scale, &shift);
            assert_close(&format!("{lines} lines of {width}, {format:?}"), &found, &expected, rounding(format));
        }
    }
}

/// A row is the same bit for bit alone and among others.
fn company(machine: &Machine) {
    let mut random = Random(0x5eed_0024);
    for format in FORMATS {
        let each = 100 * 40;
        let many = machine.upload_as(&random.values(3 * each), format).expect("memory");
        let one = machine.slice(&many, each, each).expect("a row");
        let weights = NormWeights::new(machine, 1e-5, &random.values(40), &random.values(40)).expect("weights");
        let run = |x, rows| {
            let norm = GroupNorm { rows, groups: 4, weights: &weights, activation: Activation::Silu };
            machine.download(&machine.group_norm(x, norm).expect("a norm")).expect("numbers")
        };
        assert_eq!(bits(&run(&many, 3)[each..2 * each]), bits(&run(&one, 1)), "{format:?}");
    }
}
