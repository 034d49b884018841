//! What the CUDA kernels do number by number or only move, against the definitions; and recorded work.

#![allow(missing_docs)]

use crate::common::{Random, activated, assert_close, bits};
use crate::cuda_common::{FORMATS, on_machines, rounded, rounding};
use easel_kernels::{
    cpu::Activation,
    cuda::{CudaError, Format, Machine, Record},
};

on_machines!(activations_and_sums, conversions, moves, records);

fn activations_and_sums(machine: &Machine) {
    let mut random = Random(0x5eed_0031);
    for format in FORMATS {
        for len in [1, 7, 8, 2048, 5001] {
            let (x, x_values) = rounded(machine, &random.values(len), format);
            let (y, y_values) = rounded(machine, &random.values(len), format);
            let sum = machine.download(&machine.add(&x, &y).expect("a sum")).expect("numbers");
            let expected: Vec<_> = x_values
                .iter()
                .zip(&y_values)
                .map(|(x, y)| (f64::from(*x) + f64::from(*y), f64::from(x.abs() + y.abs())))
                .collect();
            assert_close(&format!("{len} sums, {format:?}"), &sum, &expected, rounding(format));
            for activation in [Activation::None, Activation::Silu, Activation::Gelu, Activation::QuickGelu] {
                let found = machine.download(&machine.activate(&x, activation).expect("an activation")).expect("numbers");
                let expected: Vec<_> =
                    x_values.iter().map(|x| (activated(activation, f64::from(*x)), f64::from(x.abs()))).collect();
                assert_close(&format!("{len} times {activation:?}, {format:?}"), &found, &expected, rounding(format));
            }
        }
    }
}

/// To the nearest, ties to even: the same as on the host.
fn conversions(machine: &Machine) {
    let mut random = Random(0x5eed_0032);
    let mut values = random.values(3000);
    values.extend([
        0.0,
        -0.0,
        1.0 + 2f32.powi(-11),
        1.0 + 3.0 * 2f32.powi(-11),
        1.0 + 2f32.powi(-8),
        65519.0,
        65520.0,
        1e-7,
        6e-8,
        3e-5,
        -3e-8,
    ]);
    values.extend([f32::INFINITY, f32::NEG_INFINITY, 3.4e38]);
    let full = machine.upload(&values).expect("memory");
    for format in [Format::F16, Format::Bf16] {
        let there = machine.convert(&full, format).expect("a conversion");
        let on_host = rounded(machine, &values, format).1;
        assert_eq!(bits(&machine.download(&there).expect("numbers")), bits(&on_host), "{format:?}");
        let back = machine.convert(&there, Format::F32).expect("a conversion");
        assert_eq!(bits(&machine.download(&back).expect("numbers")), bits(&on_host), "{format:?} and back");
    }
    assert!(
        machine
            .download(&machine.convert(&machine.upload(&[f32::NAN]).expect("memory"), Format::F16).expect("a conversion"))
            .expect("a number")[0]
            .is_nan()
    );
}

fn moves(machine: &Machine) {
    let mut random = Random(0x5eed_0033);
    for format in FORMATS {
        for channels in [1, 3, 4, 6, 8, 20, 32] {
            let (rows, side) = (1 + random.below(2), [1 + random.below(7), 1 + random.below(7)]);
            let (x, values) = rounded(machine, &random.values(rows * side[0] * side[1] * channels), format);
            let at = |row: usize, y: usize, x: usize, c: usize| values[((row * side[0] + y) * side[1] + x) * channels + c];
            let places = |to: [usize; 2]| {
                (0..rows * to[0] * to[1] * channels).map(move |i| {
                    let pixel = i / channels;
                    (pixel / (to[0] * to[1]), pixel / to[1] % to[0], pixel % to[1], i % channels)
                })
            };
            let to = [2 * side[0] - random.below(2), 2 * side[1]];
            let up = machine.download(&machine.upsample(&x, rows, side, to).expect("upsampling")).expect("numbers");
            let expected: Vec<f32> =
                places(to).map(|(row, y, x, c)| at(row, y * side[0] / to[0], x * side[1] / to[1], c)).collect();
            assert_eq!(bits(&up), bits(&expected), "{side:?} to {to:?}, {channels} channels, {format:?}");
            let to = side.map(|side| side + 1);
            let padded = machine.download(&machine.pad_bottom_right(&x, rows, side, 1).expect("padding")).expect("numbers");
            let expected: Vec<f32> =
                places(to).map(|(row, y, x, c)| if y < side[0] && x < side[1] { at(row, y, x, c) } else { 0.0 }).collect();
            assert_eq!(bits(&padded), bits(&expected), "{side:?} padded, {channels} channels, {format:?}");
            let more = random.one_of(&[1, 4, 8]);
            let pixels = rows * side[0] * side[1];
            let (y, other) = rounded(machine, &random.values(pixels * more), format);
            let joined = machine.concat_channels(&[(&x, channels), (&y, more), (&x, channels)], pixels).expect("joining");
            let expected: Vec<f32> = (0..pixels)
                .flat_map(|p| {
                    let (own, next) = (&values[p * channels..][..channels], &other[p * more..][..more]);
                    [own, next, own].concat()
                })
                .collect();
            assert_eq!(bits(&machine.download(&joined).expect("numbers")), bits(&expected), "{channels} and {more}, {format:?}");
        }
    }
}

/// A recorded chain gives, for every new input, what the chain gives; also when what it allocates is reused in between.
fn records(machine: &Machine) {
    let mut random = Random(0x5eed_0034);
    let len = 3000;
    let constant = machine.upload(&random.values(len)).expect("memory");
    let chain = |x: &easel_kernels::cuda::Array| {
        let y = machine.add(x, &constant)?;
        let z = machine.activate(&y, Activation::Silu)?;
        machine.add(&z, x)
    };
    let first = machine.upload(&random.values(len)).expect("memory");
    let like = chain(&first).expect("the chain");
    let record = Record::new(machine, &[&first], &like, |inputs| chain(&inputs[0])).expect("a record");
    let mut kept = Vec::new();
    for _ in 0..4 {
        let x = machine.upload(&random.values(len)).expect("memory");
        let played = record.play(&[&x]).expect("playing");
        kept.push((played, chain(&x).expect("the chain")));
    }
    for (played, expected) in kept {
        assert_eq!(bits(&machine.download(&played).expect("numbers")), bits(&machine.download(&expected).expect("numbers")));
    }
    let refused = Record::new(machine, &[&first], &like, |_| machine.upload(&[0.0]));
    assert!(matches!(refused, Err(CudaError::Bug(_))), "an upload inside of a record is a mistake");
    assert!(chain(&first).is_ok(), "a record that failed leaves the machine usable");
}
