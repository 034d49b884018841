//! Convolutions and linear layers of the CUDA kernels against f64, over random shapes.

#![allow(missing_docs)]

use crate::common::{Random, activated, assert_close, bits};
use crate::cuda_common::{FORMATS, on_machines, rounded, rounding};
use easel_kernels::{
    cpu::Activation,
    cuda::{Epilogue, Format, Machine, Product, ProductWeights, Window},
};

on_machines!(convolutions, linear_layers, gated_layers, company);

const ACTIVATIONS: [Activation; 4] = [Activation::None, Activation::Silu, Activation::Gelu, Activation::QuickGelu];

struct Case {
    window: Window,
    rows: usize,
    side: [usize; 2],
    format: Format,
}

/// The sums of a convolution over channels-last maps, and of their absolute values.
fn sums(case: &Case, x: &[f32], weight: &[f32]) -> Vec<(f64, f64)> {
    let Case { window: Window { outputs, inputs, kernel, step, padding }, rows, side, .. } = *case;
    let out = side.map(|side| case.window.side(side));
    let mut sums = Vec::new();
    for place in 0..rows * out[0] * out[1] {
        let (row, y, x0) = (place / (out[0] * out[1]), place / out[1] % out[0], place % out[1]);
        for output in 0..outputs {
            let (mut sum, mut size) = (0.0, 0.0);
            for (tap, channel) in (0..kernel * kernel).flat_map(|tap| (0..inputs).map(move |channel| (tap, channel))) {
                let (y, x0) = (y * step + tap / kernel, x0 * step + tap % kernel);
                if y < padding || x0 < padding || y - padding >= side[0] || x0 - padding >= side[1] {
                    continue;
                }
                let value = x[((row * side[0] + y - padding) * side[1] + x0 - padding) * inputs + channel];
                let term = f64::from(value) * f64::from(weight[(output * inputs + channel) * kernel * kernel + tap]);
                sum += term;
                size += term.abs();
            }
            sums.push((sum, size));
        }
    }
    sums
}

fn check(machine: &Machine, random: &mut Random, case: &Case) {
    let Case { window, rows, side, format } = *case;
    let out = side.map(|side| window.side(side));
    let (x, x_values) = rounded(machine, &random.values(rows * side[0] * side[1] * window.inputs), format);
    let (_, weight) = rounded(machine, &random.values(window.outputs * window.inputs * window.kernel.pow(2)), format);
    let bias = random.values(window.outputs);
    let (row_bias, row_values) = rounded(machine, &random.values(rows * window.outputs), format);
    let (residual, residual_values) = rounded(machine, &random.values(rows * out[0] * out[1] * window.outputs), format);
    let epilogue = Epilogue {
        row_bias: random.chance().then_some(&row_bias),
        activation: random.one_of(&ACTIVATIONS),
        residual: random.chance().then_some(&residual),
    };
    let with_bias = random.chance();
    let packed = ProductWeights::new(machine, format, window, &weight, with_bias.then_some(&bias)).expect("weights");
    let found = machine.product(Product { x: &x, rows, side }, &packed, epilogue).expect("a product");
    let mut expected = sums(case, &x_values, &weight);
    for (i, (sum, size)) in expected.iter_mut().enumerate() {
        let (output, row) = (i % window.outputs, i / (window.outputs * out[0] * out[1]));
        *sum += if with_bias { f64::from(bias[output]) } else { 0.0 };
        *sum += epilogue.row_bias.map_or(0.0, |_| f64::from(row_values[row * window.outputs + output]));
        *sum = activated(epilogue.activation, *sum);
        *sum += epilogue.residual.map_or(0.0, |_| f64::from(residual_values[i]));
        *size += 4.0;
    }
    let what = format!("{window:?}, {rows} rows of {side:?}, {format:?}, {epilogue:?}");
    assert_close(&what, &machine.download(&found).expect("numbers"), &expected, rounding(format));
}

fn convolutions(machine: &Machine) {
    let mut random = Random(0x5eed_0001);
    for round in 0..8 {
        for format in FORMATS {
            let window = Window {
                outputs: random.one_of(&[3, 4, 8, 20, 64, 72, 130]),
                inputs: random.one_of(&[3, 4, 8, 9, 16, 24, 40]),
                kernel: random.one_of(&[1, 3, 3, 5]),
                step: random.one_of(&[1, 1, 2]),
                padding: random.below(3),
            };
            let side = [5 + random.below(8), 5 + random.below(8)];
            check(machine, &mut random, &Case { window, rows: 1 + round % 3, side, format });
        }
    }
}

fn linear_layers(machine: &Machine) {
    let mut random = Random(0x5eed_0002);
    for _ in 0..6 {
        for format in FORMATS {
            let window = Window::pixel(1 + random.below(150), random.one_of(&[5, 32, 40, 77, 320]));
            let (rows, tokens) = (1 + random.below(3), 1 + random.below(90));
            check(machine, &mut random, &Case { window, rows, side: [1, tokens], format });
        }
    }
}

fn gated_layers(machine: &Machine) {
    let mut random = Random(0x5eed_0003);
    for case in 0..4 {
        for format in FORMATS {
            let (outputs, inputs, tokens) = ([8, 12, 40, 75][case], random.one_of(&[16, 40, 64]), 1 + random.below(80));
            let (x, x_values) = rounded(machine, &random.values(tokens * inputs), format);
            let (_, weight) = rounded(machine, &random.values(2 * outputs * inputs), format);
            let bias = random.values(2 * outputs);
            let packed = ProductWeights::gated(machine, format, outputs, inputs, &weight, Some(&bias)).expect("weights");
            let found = machine.geglu(Product { x: &x, rows: 1, side: [1, tokens] }, &packed).expect("a product");
            let window = Window::pixel(2 * outputs, inputs);
            let halves = sums(&Case { window, rows: 1, side: [1, tokens], format }, &x_values, &weight);
            let expected: Vec<_> = (0..tokens * outputs)
                .map(|i| {
                    let (line, output) = (i / outputs * 2 * outputs, i % outputs);
                    let (value, size) = halves[line + output];
                    let (gate, gate_size) = halves[line + outputs + output];
                    let value = value + f64::from(bias[output]);
                    let gate = activated(Activation::Gelu, gate + f64::from(bias[outputs + output]));
                    (value * gate, (size + 4.0) * (gate_size + 4.0))
                })
                .collect();
            let what = format!("GEGLU of {outputs} outputs, {inputs} inputs, {tokens} tokens, {format:?}");
            assert_close(&what, &machine.download(&found).expect("numbers"), &expected, rounding(format));
        }
    }
}

/// A row is the same bit for bit alone and among others, also where they make the tiles larger.
fn company(machine: &Machine) {
    let mut random = Random(0x5eed_0004);
    for format in FORMATS {
        let window = Window { outputs: 72, inputs: 16, kernel: 3, step: 1, padding: 1 };
        let weight = random.values(72 * 16 * 9);
        let packed = ProductWeights::new(machine, format, window, &weight, None).expect("weights");
        let each = 8 * 8 * 16;
        // 100 rows get large tiles, one gets small ones.
        let values = random.values(100 * each);
        let many = machine.upload_as(&values, format).expect("memory");
        let one = machine.slice(&many, 57 * each, each).expect("a row");
        let run = |x, rows| {
            let found = machine.product(Product { x, rows, side: [8, 8] }, &packed, Epilogue::default()).expect("a product");
            machine.download(&found).expect("numbers")
        };
        let (many, one) = (run(&many, 100), run(&one, 1));
        assert_eq!(bits(&many[57 * 8 * 8 * 72..][..one.len()]), bits(&one), "{format:?}");
    }
}
