//! Linear layers and convolutions in bf16 against f64, over random shapes and epilogues, on every set of instructions this processor has.

#![allow(missing_docs)]

use crate::common::{Random, activated, assert_close, assert_rounded};
use easel_kernels::cpu::{
    Activation, ConvGeometry, Pool,
    bf16::{Bf16, Bf16Isa, Border, Bordered, Conv, Epilogue, Matrix, Out, Product, border, conv, geglu, product},
};

const ACTIVATIONS: [Activation; 4] = [Activation::None, Activation::Silu, Activation::Gelu, Activation::QuickGelu];
/// Of the sum of the magnitudes: the roundings of a sum of thousands of numbers in f32.
const BOUND: f64 = 3e-6;
/// Of an activation's result.
const FUNCTIONS: f64 = 1.0 / 4096.0;

/// Weights of a few bits, which packing does not round.
fn weights(random: &mut Random, len: usize) -> Vec<f32> {
    random.halves(len).into_iter().map(Bf16::to_f32).collect()
}

/// A random epilogue's tensors.
struct Behind {
    row_bias: Option<Vec<Bf16>>,
    residual: Option<Vec<Bf16>>,
    activation: Activation,
}

impl Behind {
    fn draw(random: &mut Random, rows: usize, lines: usize, columns: usize) -> Self {
        Self {
            row_bias: random.chance().then(|| random.halves(rows * columns)),
            residual: random.chance().then(|| random.halves(lines * columns)),
            activation: random.one_of(&ACTIVATIONS),
        }
    }

    fn epilogue(&self) -> Epilogue<'_> {
        Epilogue { row_bias: self.row_bias.as_deref(), activation: self.activation, residual: self.residual.as_deref() }
    }

    /// The value and the size of what was added up to it, from those of the bare sum.
    fn expected(&self, line: usize, lines_per_row: usize, column: usize, columns: usize, sum: (f64, f64)) -> (f64, f64) {
        let at = |x: &Option<Vec<Bf16>>, i: usize| x.as_ref().map_or(0.0, |x| f64::from(x[i].to_f32()));
        let x = sum.0 + at(&self.row_bias, line / lines_per_row * columns + column);
        let residual = at(&self.residual, line * columns + column);
        let y = activated(self.activation, x);
        let function = if self.activation == Activation::None { 0.0 } else { y.abs() * FUNCTIONS / BOUND };
        (y + residual, sum.1 + function + residual.abs() + 1.0)
    }
}

fn dot(pairs: impl Iterator<Item = (Bf16, f32)>, bias: f32) -> (f64, f64) {
    pairs.fold((f64::from(bias), f64::from(bias).abs()), |(sum, size), (a, b)| {
        let term = f64::from(a.to_f32()) * f64::from(b);
        (sum + term, size + term.abs())
    })
}

/// The same result rounded and as it is.
fn both(len: usize, mut run: impl FnMut(Out<'_>)) -> (Vec<Bf16>, Vec<f32>) {
    let (mut half, mut single) = (vec![Bf16::NAN; len], vec![f32::NAN; len]);
    run(Out::Half(&mut half));
    run(Out::Single(&mut single));
    (half, single)
}

#[test]
fn linear_layers_are_those_of_f64() {
    let (mut random, pool) = (Random(3), Pool::default());
    for case in 0..120 {
        let rows = 1 + random.below(3);
        let lines = rows * random.one_of(&[1, 2, 5, 16, 24, 77, 100, 300]);
        let inputs = random.one_of(&[1 + random.0 as usize % 700, 32, 64, 320, 1280]);
        let outputs = random.one_of(&[1, 3, 4, 16, 17, 31, 33, 48, 64, 65, 100, 128, 200]);
        let (x, weight) = (random.halves(lines * inputs), weights(&mut random, outputs * inputs));
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
        let packed = Matrix::new(outputs, inputs, 1, &weight, bias.as_deref());
        for isa in Bf16Isa::available() {
            let what = format!("{isa}, case {case}: {lines} lines, {inputs} -> {outputs}");
            let found =
                both(expected.len(), |out| product(Product { isa, pool: &pool, x: &x, rows }, &packed, behind.epilogue(), out));
            assert_rounded(&what, &found.0, &expected, BOUND);
            // What leaves a network in f32 has no activation, whose functions are as good as bf16 is.
            if behind.activation == Activation::None {
                assert_close(&what, &found.1, &expected, BOUND);
            }
        }
    }
}

#[test]
fn gated_layers_are_those_of_f64() {
    let (mut random, pool) = (Random(4), Pool::default());
    for _ in 0..40 {
        let (lines, inputs) = (random.one_of(&[1, 7, 50, 130]), 1 + random.below(300));
        let outputs = random.one_of(&[1, 8, 13, 16, 32, 33, 40, 64, 96, 127]);
        let (x, weight) = (random.halves(lines * inputs), weights(&mut random, 2 * outputs * inputs));
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
        let packed = Matrix::gated(outputs, inputs, &weight, bias.as_deref());
        for isa in Bf16Isa::available() {
            let mut out = vec![Bf16::NAN; lines * outputs];
            geglu(Product { isa, pool: &pool, x: &x, rows: 1 }, &packed, &mut out);
            assert_rounded(&format!("{isa}: {lines} lines, {inputs} -> {outputs}"), &out, &expected, BOUND);
        }
    }
}

/// A dense map with the border that a convolution asks for.
fn bordered(x: &[Bf16], rows: usize, side: [usize; 2], geometry: ConvGeometry) -> (Vec<Bf16>, Border) {
    let place = Border { rows, side, channels: geometry.inputs, pixels: geometry.padding };
    // What nobody has written must not matter.
    let mut numbers = vec![Bf16::NAN; place.numbers()];
    border(x, side, place, &mut numbers);
    (numbers, place)
}

#[test]
fn convolutions_are_those_of_f64() {
    let mut random = Random(5);
    for case in 0..80 {
        let kernel = random.one_of(&[1, 3, 3, 3]);
        let geometry = ConvGeometry {
            outputs: random.one_of(&[1, 4, 16, 32, 33, 70, 130]),
            inputs: random.one_of(&[1, 3, 4, 9, 16, 32, 50, 64, 200]),
            kernel,
            stride: random.one_of(&[1, 1, 2]),
            padding: random.one_of(&[0, kernel / 2, kernel / 2]),
        };
        let ConvGeometry { outputs, inputs, stride, padding, .. } = geometry;
        let mut side = || random.one_of(&[3, 5, 8, 11, 16, 20, 32, 34]);
        let input = [side(), side()];
        let rows = 1 + random.below(3);
        let output = input.map(|side| geometry.side(side));
        let lines = rows * output[0] * output[1];
        let x = random.halves(rows * input[0] * input[1] * inputs);
        let weight = weights(&mut random, outputs * inputs * kernel * kernel);
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
        let packed = Conv::new(geometry, &weight, bias.as_deref());
        let (numbers, place) = bordered(&x, rows, input, geometry);
        for isa in Bf16Isa::available() {
            let what = format!("{isa}, case {case}: {geometry:?} of {rows} x {input:?}");
            let x = Bordered { numbers: &numbers, border: place };
            let found = both(expected.len(), |out| conv(isa, x, &packed, behind.epilogue(), out));
            assert_rounded(&what, &found.0, &expected, BOUND);
            // What leaves a network in f32 has no activation, whose functions are as good as bf16 is.
            if behind.activation == Activation::None {
                assert_close(&what, &found.1, &expected, BOUND);
            }
        }
    }
}

/// Alone, in company of numbers that are not finite, and with any number of threads.
#[test]
fn a_row_is_the_same_in_any_company() {
    let (mut random, pool) = (Random(6), Pool::default());
    for (side, inputs, outputs) in [(1, 700, 65), (3, 33, 20), (8, 160, 64), (13, 320, 48), (16, 320, 320)] {
        let geometry = ConvGeometry { outputs, inputs, kernel: 3, stride: 1, padding: 1 };
        let weight = random.values(outputs * inputs * 9);
        let each = side * side * inputs;
        let mut x = random.halves(7 * each);
        x[5 * each..6 * each].fill(Bf16::NAN);
        let (packed, matrix) =
            (Conv::new(geometry, &weight, None), Matrix::new(outputs, inputs, 1, &weight[..outputs * inputs], None));
        for isa in Bf16Isa::available() {
            let run = |rows: std::ops::Range<usize>| {
                let x = &x[rows.start * each..rows.end * each];
                let (numbers, place) = bordered(x, rows.len(), [side; 2], geometry);
                let mut out = [0, 1].map(|_| vec![0f32; rows.len() * side * side * outputs]);
                let x_bordered = Bordered { numbers: &numbers, border: place };
                conv(isa, x_bordered, &packed, Epilogue::default(), Out::Single(&mut out[0]));
                let work = Product { isa, pool: &pool, x, rows: rows.len() };
                product(work, &matrix, Epilogue::default(), Out::Single(&mut out[1]));
                out
            };
            let threads = |count: usize| rayon::ThreadPoolBuilder::new().num_threads(count).build().expect("threads");
            let all = threads(2).install(|| run(0..7));
            let row = side * side * outputs;
            for (rows, count) in [(0..1, 1), (3..4, 2), (2..5, 1), (2..5, 5), (6..7, 3)] {
                let found = threads(count).install(|| run(rows.clone()));
                for (all, found) in all.iter().zip(&found) {
                    let expected = &all[rows.start * row..rows.end * row];
                    assert_eq!(
                        crate::common::bits(expected),
                        crate::common::bits(found),
                        "{isa}: rows {rows:?} of {side}, {count} threads"
                    );
                    assert!(found.iter().all(|x| x.is_finite()), "{isa}: rows {rows:?} of {side}");
                }
            }
        }
    }
}
