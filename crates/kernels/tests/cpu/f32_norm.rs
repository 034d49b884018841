//! Normalisations and copies against their definitions in f64.

#![allow(missing_docs)]

use crate::common::{Random, activated, assert_close, bits};
use easel_kernels::cpu::{
    Activation, GroupNorm, Isa, activate, add, channels_last_to_planar, concat_channels, group_norm, layer_norm,
    pad_bottom_right, planar_to_channels_last, upsample,
};

fn moments(x: &[f64]) -> (f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    (mean, x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64)
}

/// Numbers whose mean is up to a thousand times their deviation.
fn offset(random: &mut Random, len: usize) -> Vec<f32> {
    let offset = random.one_of(&[0.0, 0.3, 30.0, 1000.0]);
    random.values(len).into_iter().map(|v| v + offset).collect()
}

#[test]
fn group_normalisation_is_that_of_f64() {
    let mut random = Random(10);
    for case in 0..80 {
        let groups = random.one_of(&[1, 2, 4, 8, 32]);
        let channels = groups * random.one_of(&[1, 2, 3, 10, 20]);
        let (rows, pixels) = (1 + random.below(3), random.one_of(&[1, 2, 9, 100, 1000]));
        let x = offset(&mut random, rows * pixels * channels);
        let (scale, shift) = (random.values(channels), random.values(channels));
        let activation = random.one_of(&[Activation::None, Activation::Silu]);
        let norm = GroupNorm { groups, epsilon: 1e-5, scale: &scale, shift: &shift };
        let mut expected = vec![(0.0, 0.0); x.len()];
        for (row, group) in (0..rows).flat_map(|row| (0..groups).map(move |group| (row, group))) {
            let size = channels / groups;
            let places: Vec<usize> = (0..pixels)
                .flat_map(|pixel| (0..size).map(move |c| (row * pixels + pixel) * channels + group * size + c))
                .collect();
            let (mean, variance) = moments(&places.iter().map(|i| f64::from(x[*i])).collect::<Vec<_>>());
            let inverse = 1.0 / (variance + 1e-5).sqrt();
            for i in places {
                let c = i % channels;
                let y = (f64::from(x[i]) - mean) * inverse * f64::from(scale[c]) + f64::from(shift[c]);
                // The rounding of the mean itself shows in units of the deviation.
                expected[i] = (activated(activation, y), 4.0 + mean.abs() * inverse);
            }
        }
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; x.len()];
            group_norm(isa, &x, rows, norm, activation, &mut out);
            assert_close(&format!("{isa}, case {case}: {pixels} x {channels} in {groups}"), &out, &expected, 5e-7);
        }
    }
}

#[test]
fn layer_normalisation_is_that_of_f64() {
    let mut random = Random(11);
    for case in 0..60 {
        let (lines, width) = (1 + random.below(90), 1 + random.below(1300));
        let x = offset(&mut random, lines * width);
        let (scale, shift) = (random.values(width), random.values(width));
        let mut expected = Vec::new();
        for line in x.chunks(width) {
            let line: Vec<f64> = line.iter().map(|v| f64::from(*v)).collect();
            let (mean, variance) = moments(&line);
            let inverse = 1.0 / (variance + 1e-5).sqrt();
            let of = |(i, v): (usize, &f64)| (v - mean) * inverse * f64::from(scale[i]) + f64::from(shift[i]);
            expected.extend(line.iter().enumerate().map(of).map(|y| (y, 4.0 + mean.abs() * inverse * 8.0)));
        }
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; x.len()];
            layer_norm(isa, &x, 1e-5, &scale, &shift, &mut out);
            assert_close(&format!("{isa}, case {case}: {lines} x {width}"), &out, &expected, 5e-7);
        }
    }
}

#[test]
fn a_rows_normalisation_is_the_same_in_any_company() {
    let mut random = Random(12);
    let (rows, pixels, channels) = (5, 700, 96);
    let x = random.values(rows * pixels * channels);
    let (scale, shift) = (random.values(channels), random.values(channels));
    let norm = GroupNorm { groups: 32, epsilon: 1e-5, scale: &scale, shift: &shift };
    for isa in Isa::available() {
        let run = |rows: std::ops::Range<usize>| {
            let x = &x[rows.start * pixels * channels..rows.end * pixels * channels];
            let mut out = vec![0.0; x.len()];
            group_norm(isa, x, rows.len(), norm, Activation::Silu, &mut out);
            bits(&out)
        };
        let all = run(0..5);
        for rows in [0..1, 4..5, 1..4] {
            assert_eq!(
                run(rows.clone()),
                all[rows.start * pixels * channels..rows.end * pixels * channels],
                "{isa}: rows {rows:?}"
            );
        }
    }
}

#[test]
fn sums_and_activations_touch_every_number() {
    let mut random = Random(13);
    for len in [1, 7, 16, 17, 40_000] {
        let (a, b) = (random.values(len), random.values(len));
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; len];
            add(isa, &a, &b, &mut out);
            assert!(out.iter().zip(a.iter().zip(&b)).all(|(out, (a, b))| *out == a + b));
            for activation in [Activation::Silu, Activation::Gelu, Activation::QuickGelu] {
                activate(isa, &a, activation, &mut out);
                let expected: Vec<_> = a.iter().map(|a| (activated(activation, f64::from(*a)), 1.0)).collect();
                assert_close(&format!("{isa}, {activation:?}"), &out, &expected, 5e-7);
            }
        }
    }
}

#[test]
fn copies_put_everything_in_its_place() {
    let (rows, channels, height, width) = (2, 3, 4, 5);
    let at = |row: usize, c: usize, y: usize, x: usize| (((row * 10 + c) * 10 + y) * 10 + x) as f32;
    let all = |height: usize, width: usize| {
        let pixels = move |row| (0..height).flat_map(move |y| (0..width).map(move |x| (row, y, x)));
        (0..rows).flat_map(pixels)
    };
    let map: Vec<f32> = all(height, width).flat_map(|(row, y, x)| (0..channels).map(move |c| at(row, c, y, x))).collect();

    let mut planar = vec![0.0; map.len()];
    channels_last_to_planar(&map, rows, channels, &mut planar);
    let mut expected = Vec::new();
    for (row, c) in (0..rows).flat_map(|row| (0..channels).map(move |c| (row, c))) {
        expected.extend((0..height).flat_map(|y| (0..width).map(move |x| at(row, c, y, x))));
    }
    assert_eq!(planar, expected);
    let mut back = vec![0.0; map.len()];
    planar_to_channels_last(&planar, rows, channels, &mut back);
    assert_eq!(back, map);

    for to in [[8, 10], [7, 9], [4, 5]] {
        let mut out = vec![f32::NAN; rows * to[0] * to[1] * channels];
        upsample(&map, rows, channels, [height, width], to, &mut out);
        let from = |(row, y, x)| (0..channels).map(move |c| at(row, c, y * height / to[0], x * width / to[1]));
        assert_eq!(out, all(to[0], to[1]).flat_map(from).collect::<Vec<_>>());
    }

    let mut out = vec![f32::NAN; rows * (height + 1) * (width + 1) * channels];
    pad_bottom_right(&map, rows, channels, [height, width], 1, &mut out);
    let inside = |(row, y, x)| (0..channels).map(move |c| if y < height && x < width { at(row, c, y, x) } else { 0.0 });
    assert_eq!(out, all(height + 1, width + 1).flat_map(inside).collect::<Vec<_>>());

    let other: Vec<f32> = (0..rows * height * width).map(|i| -(i as f32)).collect();
    let mut out = vec![f32::NAN; map.len() + other.len()];
    concat_channels(&[(&map, channels), (&other, 1)], rows * height * width, &mut out);
    for (i, pixel) in out.chunks(channels + 1).enumerate() {
        assert_eq!(pixel[..channels], map[i * channels..(i + 1) * channels]);
        assert_eq!(pixel[channels], other[i]);
    }
}
