//! Sums in place, lines scaled by rows, and gates that wait, against f64: what low-rank additions are made of, on every kind of kernel.

#![allow(missing_docs)]

use crate::common::{Random, activated, assert_close, assert_rounded};
use crate::cuda_common::{FORMATS, on_machines, rounded, rounding};
use easel_kernels::{
    cpu::{
        self, Activation, Isa, PackedMatrix, Pool,
        bf16::{self, Bf16, Bf16Isa, Matrix},
    },
    cuda::{Machine, Product, ProductWeights, Window},
};

on_machines!(on_the_card);

const SHAPES: [[usize; 3]; 5] = [[1, 5, 3], [17, 16, 40], [33, 96, 16], [64, 40, 100], [130, 33, 65]];

/// `(lines, inputs)` times the transpose of `(columns, inputs)`, and the sizes of the sums.
fn products(x: &[f32], w: &[f32], inputs: usize) -> Vec<(f64, f64)> {
    let dot = |x: &[f32], w: &[f32]| {
        x.iter()
            .zip(w)
            .map(|(x, w)| f64::from(*x) * f64::from(*w))
            .fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
    };
    x.chunks(inputs).flat_map(|x| w.chunks(inputs).map(move |w| dot(x, w))).collect()
}

/// Values times the gelu of their gates, of `(lines, 2 * outputs)` sums; the size has room for a function's last bits.
fn gated(sums: &[(f64, f64)], outputs: usize) -> Vec<(f64, f64)> {
    let line = |line: &[(f64, f64)]| -> Vec<(f64, f64)> {
        let (values, gates) = line.split_at(outputs);
        let of = |((value, size), (gate, gate_size)): (&(f64, f64), &(f64, f64))| {
            let gate_of = activated(Activation::Gelu, *gate);
            (value * gate_of, size * (gate_of.abs() + 1.0) + value.abs() * (gate_size + 1.0))
        };
        values.iter().zip(gates).map(of).collect()
    };
    sums.chunks(2 * outputs).flat_map(line).collect()
}

fn sum(a: &[(f64, f64)], b: &[(f64, f64)]) -> Vec<(f64, f64)> {
    a.iter().zip(b).map(|(a, b)| (a.0 + b.0, a.1 + b.1)).collect()
}

fn widened(x: &[f32]) -> Vec<(f64, f64)> {
    x.iter().map(|x| (f64::from(*x), f64::from(x.abs()))).collect()
}

#[test]
fn on_the_processor() {
    let mut random = Random(0x5eed_0051);
    for isa in Isa::available() {
        for [lines, inputs, outputs] in SHAPES {
            let what = format!("{}, {lines} lines of {inputs} to {outputs}", isa.name());
            let (x, z) = (random.values(lines * inputs), random.values(lines * 4));
            let (w, up) = (random.values(2 * outputs * inputs), random.values(2 * outputs * 4));
            let plain = PackedMatrix::new(isa, outputs, 4, &up[..outputs * 4], None);
            let before = random.values(lines * outputs);
            let mut y = before.clone();
            cpu::product_onto(&z, &plain, &mut y);
            assert_close(&what, &y, &sum(&widened(&before), &products(&z, &up[..outputs * 4], 4)), 3e-6);
            let (w_packed, up_packed) =
                (PackedMatrix::gated(isa, outputs, inputs, &w, None), PackedMatrix::gated(isa, outputs, 4, &up, None));
            let mut raw = vec![f32::NAN; lines * w_packed.packed_outputs()];
            cpu::ungated(&x, &w_packed, &mut raw);
            cpu::product_onto(&z, &up_packed, &mut raw);
            let mut y = vec![f32::NAN; lines * outputs];
            cpu::gate(&raw, &w_packed, &mut y);
            let expected = gated(&sum(&products(&x, &w, inputs), &products(&z, &up, 4)), outputs);
            assert_close(&format!("{what}, gated"), &y, &expected, 3e-6);
        }
    }
    let mut x = random.values(15);
    let expected: Vec<(f64, f64)> =
        x.iter().enumerate().map(|(i, x)| (f64::from(*x) * f64::from([0.5, -2.0, 0.1f32][i / 5]), 1.0)).collect();
    cpu::scale_rows(&mut x, &[0.5, -2.0, 0.1]);
    assert_close("scaled rows", &x, &expected, 1e-6);
}

#[test]
fn on_the_processor_in_bf16() {
    let (mut random, pool) = (Random(0x5eed_0052), Pool::default());
    for isa in Bf16Isa::available() {
        for [lines, inputs, outputs] in SHAPES {
            let what = format!("{}, {lines} lines of {inputs} to {outputs}", isa.name());
            let mut halves = |len| random.halves(len);
            let single = |x: &[Bf16]| -> Vec<f32> { x.iter().map(|x| x.to_f32()).collect() };
            let (x, z, before) = (halves(lines * inputs), halves(lines * 4), halves(lines * outputs));
            let of = |x| bf16::Product { isa, pool: &pool, x, rows: 1 };
            let (w, up) = (single(&halves(2 * outputs * inputs)), single(&halves(2 * outputs * 4)));
            let plain = Matrix::new(outputs, 4, 1, &up[..outputs * 4], None);
            let mut y = before.clone();
            bf16::product_onto(of(&z), &plain, &mut y);
            let added = products(&single(&z), &up[..outputs * 4], 4);
            assert_rounded(&what, &y, &sum(&widened(&single(&before)), &added), 3e-6);
            let (w_packed, up_packed) = (Matrix::gated(outputs, inputs, &w, None), Matrix::gated(outputs, 4, &up, None));
            let mut raw = vec![Bf16::NAN; lines * w_packed.packed_outputs()];
            bf16::ungated(of(&x), &w_packed, &mut raw);
            bf16::product_onto(of(&z), &up_packed, &mut raw);
            let mut y = vec![Bf16::NAN; lines * outputs];
            bf16::gate(isa, &raw, &w_packed, &mut y);
            // Two roundings of values and gates before that of the result.
            let sums = sum(&products(&single(&x), &w, inputs), &products(&single(&z), &up, 4));
            assert_rounded(&format!("{what}, gated"), &y, &gated(&sums, outputs), 2.1 / 256.0);
        }
    }
}

/// Whoever does them, and in whatever order.
#[test]
fn many_additions_are_each_as_it_is_alone() {
    let (mut random, pool) = (Random(0x5eed_0054), Pool::default());
    for [lines, inputs, outputs] in SHAPES {
        let (x, before) = (random.values(4 * lines * inputs), random.values(4 * lines * outputs));
        let weights: Vec<_> =
            (1..5).map(|rank| (random.values(rank * inputs), random.values(outputs * rank), random.values(1))).collect();
        for isa in Isa::available() {
            let packed: Vec<_> = weights
                .iter()
                .enumerate()
                .map(|(i, (down, up, _))| {
                    (PackedMatrix::new(isa, i + 1, inputs, down, None), PackedMatrix::new(isa, outputs, i + 1, up, None))
                })
                .collect();
            let add = |y: &mut [f32], which: &[usize]| {
                let of = y.chunks_mut(lines * outputs).zip(x.chunks(lines * inputs)).enumerate();
                let additions = of.filter(|(i, _)| which.contains(i)).map(|(i, (out, x))| cpu::Addition {
                    x,
                    factors: &weights[i].2,
                    down: &packed[i].0,
                    up: &packed[i].1,
                    out,
                });
                cpu::add_low_rank(&pool, additions.collect());
            };
            let (mut together, mut apart) = (before.clone(), before.clone());
            add(&mut together, &[0, 1, 2, 3]);
            (0..4).for_each(|i| add(&mut apart, &[i]));
            assert!(together == apart && together != before, "{}, {lines} lines of {inputs} to {outputs}", isa.name());
        }
        for isa in Bf16Isa::available() {
            let halves = |x: &[f32]| x.iter().map(|x| Bf16::from_f32(*x)).collect::<Vec<_>>();
            let (x, before) = (halves(&x), halves(&before));
            let packed: Vec<_> = weights
                .iter()
                .enumerate()
                .map(|(i, (down, up, _))| (Matrix::new(i + 1, inputs, 1, down, None), Matrix::new(outputs, i + 1, 1, up, None)))
                .collect();
            let add = |y: &mut [Bf16], which: &[usize]| {
                let of = y.chunks_mut(lines * outputs).zip(x.chunks(lines * inputs)).enumerate();
                let additions = of.filter(|(i, _)| which.contains(i)).map(|(i, (out, x))| bf16::Addition {
                    x,
                    factors: &weights[i].2,
                    down: &packed[i].0,
                    up: &packed[i].1,
                    out,
                });
                bf16::add_low_rank(isa, &pool, additions.collect());
            };
            let (mut together, mut apart) = (before.clone(), before.clone());
            add(&mut together, &[0, 1, 2, 3]);
            (0..4).for_each(|i| add(&mut apart, &[i]));
            assert!(together == apart && together != before, "{}, {lines} lines of {inputs} to {outputs}", isa.name());
        }
    }
}

fn on_the_card(machine: &Machine) {
    let mut random = Random(0x5eed_0053);
    for format in FORMATS {
        for [lines, inputs, outputs] in SHAPES {
            let what = format!("{lines} lines of {inputs} to {outputs}, {format:?}");
            let (x, x_values) = rounded(machine, &random.values(lines * inputs), format);
            let (z, z_values) = rounded(machine, &random.values(lines * 4), format);
            let (_, w) = rounded(machine, &random.values(2 * outputs * inputs), format);
            let (_, up) = rounded(machine, &random.values(2 * outputs * 4), format);
            let gated_weights =
                |inputs, w: &[f32]| ProductWeights::gated(machine, format, outputs, inputs, w, None).expect("weights");
            let (w_packed, up_packed) = (gated_weights(inputs, &w), gated_weights(4, &up));
            let of = |x| Product { x, rows: 1, side: [1, lines] };
            let raw = machine.ungated(of(&x), &w_packed, None).expect("a product");
            let raw = machine.ungated(of(&z), &up_packed, Some(&raw)).expect("a sum");
            let y = machine.download(&machine.gate(&raw, &w_packed).expect("gates")).expect("numbers");
            let sums = sum(&products(&x_values, &w, inputs), &products(&z_values, &up, 4));
            assert_close(&what, &y, &gated(&sums, outputs), 2.1 * rounding(format));
            let (factors, values) = (machine.upload(&[0.5, -2.0]).expect("memory"), [0.5, -2.0]);
            let (twice, before) = rounded(machine, &random.values(2 * lines), format);
            let scaled = machine.download(&machine.scale_rows(&twice, &factors).expect("rows")).expect("numbers");
            let expected: Vec<_> =
                before.iter().enumerate().map(|(i, x)| (f64::from(*x) * values[i / lines], f64::from(x.abs()) * 2.0)).collect();
            assert_close(&what, &scaled, &expected, rounding(format));
            assert!(
                machine
                    .gate(&x, &ProductWeights::new(machine, format, Window::pixel(2, 2), &[0.0; 4], None).expect("weights"))
                    .is_err()
            );
        }
    }
}
