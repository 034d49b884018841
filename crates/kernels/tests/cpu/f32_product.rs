//! Linear layers and convolutions against f64, over random shapes and epilogues, on every set of instructions this processor has.

#![allow(missing_docs)]

use crate::common::{Random, activated, assert_close, bits};
use easel_kernels::cpu::{Activation, ConvGeometry, Epilogue, Isa, PackedConv, PackedMatrix, conv, geglu, product};

const ACTIVATIONS: [Activation; 4] = [Activation::None, Activation::Silu, Activation::Gelu, Activation::QuickGelu];
/// Of the sum of the magnitudes: the roundings of a sum of up to 3,000 numbers in f32, a hundred times over what is seen.
const BOUND: f64 = 3e-6;

/// A random epilogue's tensors.
struct Behind {
    row_bias: Option<Vec<f32>>,
    residual: Option<Vec<f32>>,
    activation: Activation,
}

impl Behind {
    fn draw(random: &mut Random, rows: usize, lines: usize, columns: usize) -> Self {
        Self {
            row_bias: random.chance().then(|| random.values(rows * columns)),
            residual: random.chance().then(|| random.values(lines * columns)),
            activation: random.one_of(&ACTIVATIONS),
        }
    }

    fn epilogue(&self) -> Epilogue<'_> {
        Epilogue { row_bias: self.row_bias.as_deref(), activation: self.activation, residual: self.residual.as_deref() }
    }

    /// The value and the size of what was added up to it, from those of the bare sum.
    fn expected(&self, line: usize, lines_per_row: usize, column: usize, columns: usize, sum: (f64, f64)) -> (f64, f64) {
        let at = |x: &Option<Vec<f32>>, i: usize| x.as_ref().map_or(0.0, |x| f64::from(x[i]));
        let x = sum.0 + at(&self.row_bias, line / lines_per_row * columns + column);
        let residual = at(&self.residual, line * columns + column);
        (activated(self.activation, x) + residual, sum.1 + residual.abs() + 1.0)
    }
}

fn dot(pairs: impl Iterator<Item = (f32, f32)>, bias: f32) -> (f64, f64) {
    pairs.fold((f64::from(bias), f64::from(bias).abs()), |(sum, size), (a, b)| {
        let term = f64::from(a) * f64::from(b);
        (sum + term, size + term.abs())
    })
}

#[test]
fn linear_layers_are_those_of_f64() {
    let mut random = Random(3);
    for case in 0..120 {
        let rows = 1 + random.below(3);
        let lines = rows * random.one_of(&[1, 2, 5, 24, 77, 100, 199]);
        let (inputs, outputs) = (1 + random.below(700), random.one_of(&[1, 3, 4, 16, 17, 31, 33, 48, 64, 65, 100, 128, 200]));
        let (x, weight) = (random.values(lines * inputs), random.values(outputs * inputs));
        let bias = random.chance().then(|| random.values(outputs));
        let behind = Behind::draw(&mut random, rows, lines, outputs);
        let expected: Vec<_> = (0..lines * outputs)
            .map(|i| {
                let (line, column) = (i / outputs, i % outputs);
                let pairs = (0..inputs).map(|k| (x[line * inputs + k], weight[column * inputs + k]));
                let sum = dot(pairs, bias.as_ref().map_or(0.0, |bias| bias[column]));
                behind.expected(line, lines / rows, column, outputs, sum)
            })
            .collect();
        for isa in Isa::available() {
            let packed = PackedMatrix::new(isa, outputs, inputs, &weight, bias.clone());
            let mut out = vec![f32::NAN; lines * outputs];
            product(&x, rows, &packed, behind.epilogue(), &mut out);
            assert_close(&format!("{isa}, case {case}: {lines} lines, {inputs} -> {outputs}"), &out, &expected, BOUND);
        }
    }
}

#[test]
fn gated_layers_are_those_of_f64() {
    let mut random = Random(4);
    for _ in 0..40 {
        let (lines, inputs) = (random.one_of(&[1, 7, 50, 130]), 1 + random.below(300));
        let outputs = random.one_of(&[1, 8, 13, 32, 33, 40, 64, 96, 127]);
        let (x, weight) = (random.values(lines * inputs), random.values(2 * outputs * inputs));
        let bias = random.chance().then(|| random.values(2 * outputs));
        let expected: Vec<_> = (0..lines * outputs)
            .map(|i| {
                let (line, column) = (i / outputs, i % outputs);
                let sum = |column: usize| {
                    let pairs = (0..inputs).map(|k| (x[line * inputs + k], weight[column * inputs + k]));
                    dot(pairs, bias.as_ref().map_or(0.0, |bias| bias[column]))
                };
                let (value, gate) = (sum(column), sum(outputs + column));
                (value.0 * activated(Activation::Gelu, gate.0), value.1 * (1.0 + gate.0.abs()) + gate.1 * (1.0 + value.0.abs()))
            })
            .collect();
        for isa in Isa::available() {
            let packed = PackedMatrix::gated(isa, outputs, inputs, &weight, bias.clone());
            let mut out = vec![f32::NAN; lines * outputs];
            geglu(&x, &packed, &mut out);
            assert_close(&format!("{isa}: {lines} lines, {inputs} -> {outputs}"), &out, &expected, BOUND);
        }
    }
}

#[test]
fn convolutions_are_those_of_f64() {
    let mut random = Random(5);
    for case in 0..60 {
        let kernel = random.one_of(&[1, 3, 3, 3]);
        let geometry = ConvGeometry {
            outputs: random.one_of(&[1, 4, 16, 32, 33, 70, 130]),
            inputs: random.one_of(&[1, 3, 4, 9, 16, 32, 50, 200]),
            kernel,
            stride: random.one_of(&[1, 1, 2]),
            padding: random.one_of(&[0, kernel / 2, kernel / 2]),
        };
        let ConvGeometry { outputs, inputs, stride, padding, .. } = geometry;
        let (rows, input) = (1 + random.below(2), [3 + random.below(12), 3 + random.below(12)]);
        let output = input.map(|side| geometry.side(side));
        assert_eq!(output, input.map(|side| (side + 2 * padding - kernel) / stride + 1), "torch's formula");
        let lines = rows * output[0] * output[1];
        let x = random.values(rows * input[0] * input[1] * inputs);
        let weight = random.values(outputs * inputs * kernel * kernel);
        let bias = random.chance().then(|| random.values(outputs));
        let behind = Behind::draw(&mut random, rows, lines, outputs);
        let expected: Vec<_> = (0..lines * outputs)
            .map(|i| {
                let (line, o) = (i / outputs, i % outputs);
                let (row, y, x0) = (line / (output[0] * output[1]), line / output[1] % output[0], line % output[1]);
                let mut pairs = Vec::new();
                for (dy, dx) in (0..kernel).flat_map(|dy| (0..kernel).map(move |dx| (dy, dx))) {
                    let (y, x0) = ((y * stride + dy) as isize - padding as isize, (x0 * stride + dx) as isize - padding as isize);
                    if y < 0 || x0 < 0 || y >= input[0] as isize || x0 >= input[1] as isize {
                        continue;
                    }
                    for c in 0..inputs {
                        let from = x[((row * input[0] + y as usize) * input[1] + x0 as usize) * inputs + c];
                        pairs.push((from, weight[((o * inputs + c) * kernel + dy) * kernel + dx]));
                    }
                }
                let sum = dot(pairs.into_iter(), bias.as_ref().map_or(0.0, |bias| bias[o]));
                behind.expected(line, output[0] * output[1], o, outputs, sum)
            })
            .collect();
        for isa in Isa::available() {
            let packed = PackedConv::new(isa, geometry, &weight, bias.clone());
            let mut out = vec![f32::NAN; lines * outputs];
            conv(&x, rows, input, &packed, behind.epilogue(), &mut out);
            assert_close(&format!("{isa}, case {case}: {geometry:?} of {input:?}"), &out, &expected, BOUND);
        }
    }
}

#[test]
fn a_row_is_the_same_in_any_company() {
    let mut random = Random(6);
    for (side, inputs, outputs) in [(1, 700, 65), (3, 33, 20), (8, 160, 64), (13, 320, 48)] {
        let geometry = ConvGeometry { outputs, inputs, kernel: 3, stride: 1, padding: 1 };
        let weight = random.values(outputs * inputs * 9);
        let x = random.values(7 * side * side * inputs);
        for isa in Isa::available() {
            let packed = PackedConv::new(isa, geometry, &weight, None);
            let matrix = PackedMatrix::new(isa, outputs, inputs, &weight[..outputs * inputs], None);
            let run = |rows: std::ops::Range<usize>| {
                let x = &x[rows.start * side * side * inputs..rows.end * side * side * inputs];
                let mut out = [vec![0f32; rows.len() * side * side * outputs], vec![0f32; rows.len() * side * side * outputs]];
                conv(x, rows.len(), [side; 2], &packed, Epilogue::default(), &mut out[0]);
                product(x, rows.len(), &matrix, Epilogue::default(), &mut out[1]);
                out.map(|out| bits(&out))
            };
            let all = run(0..7);
            for rows in [0..1, 3..4, 2..6, 6..7] {
                let part = rows.start * side * side * outputs..rows.end * side * side * outputs;
                assert_eq!(run(rows.clone()), all.each_ref().map(|all| all[part.clone()].to_vec()), "{isa}: rows {rows:?}");
            }
        }
    }
}
