//! Whole networks on the CUDA kernels, emulated: the same latents as on the processor, alone, in company and from recorded work.
//!
//! With `--features cuda` the same runs on a card: `cargo test --features cuda -- cuda_`. Without a card those tests fail.

#![allow(missing_docs)]

mod common;

use std::sync::Arc;

use common::{Failure, backend, text_plan};
use easel_backend::{DenoiseBackend, Plan, Prepared, Slot, StepRow};
use easel_kernels::cuda::{Machine, Order};
use easel_models::{
    Device, Precision,
    backend::{AdapterOptions, BackendOptions, CudaBackend, TEXT_CACHE_BYTES},
    ops::{Activation, ConvShape, Epilogue, Mask, Ops, candle::CandleOps, cuda::CudaOps},
    prompt::PromptOptions,
};

/// Where the tests run.
fn machines() -> [Machine; 1] {
    [Machine::emulated(Order::Forwards)]
}

fn on(machine: Machine, precision: Precision) -> Result<CudaBackend, Failure> {
    let options = BackendOptions {
        device: Device::Cpu.open()?,
        catalogue: Box::new(common::catalogue()),
        variant: None,
        prompt: PromptOptions::default(),
        text_cache_bytes: TEXT_CACHE_BYTES,
        adapters: AdapterOptions::default(),
    };
    Ok(CudaBackend::with(Arc::new(CudaOps::new(machine, precision)), options))
}

fn prepared(backend: &mut dyn DenoiseBackend, plan: &Plan) -> Result<Slot, Failure> {
    let slot = backend.admit(plan)?;
    while backend.prepare(slot)? == Prepared::More {}
    Ok(slot)
}

fn latents(backend: &mut dyn DenoiseBackend, plan: &Plan) -> Result<Vec<f32>, Failure> {
    let slot = prepared(backend, plan)?;
    for index in 0..plan.table.rows.len() {
        backend.step(&[StepRow { slot, index }])?;
    }
    let latents = backend.latents(slot)?.0;
    backend.release(slot);
    Ok(latents)
}

/// The largest difference, in units of the largest number.
fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0f32, |m, x| m.max(x.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| if a.is_finite() { (a - b).abs() } else { f32::INFINITY });
    differences.fold(0f32, f32::max) / largest
}

/// Three steps, so that the second and third come from recorded work.
fn draws_as_the_processor(machine: Machine, model: &str, precision: Precision, bound: f32) -> Result<(), Failure> {
    let mut reference = backend()?;
    let plan = text_plan(&mut reference, model, "a red lighthouse", 3, 64)?;
    let expected = latents(&mut reference, &plan)?;
    let mut card = on(machine, precision)?;
    let found = difference(&latents(&mut card, &plan)?, &expected);
    assert!(found <= bound, "{model} in {precision} differs by {found:.2e}");
    Ok(())
}

macro_rules! networks {
    ($($name:ident($model:literal, $precision:ident, $bound:literal);)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn emulated() -> Result<(), Failure> {
                let [machine] = machines();
                draws_as_the_processor(machine, $model, Precision::$precision, $bound)
            }

            #[cfg(feature = "cuda")]
            #[test]
            fn cuda_card() -> Result<(), Failure> {
                draws_as_the_processor(Machine::open(0)?, $model, Precision::$precision, $bound)
            }
        }
    )*};
}

networks! {
    sd1_in_f32("sd1", F32, 5e-6);
    sdxl_in_f32("sdxl", F32, 5e-6);
    sd2_in_f32("sd2", F32, 5e-6);
    sd1_in_f16("sd1", F16, 2e-3);
    sdxl_in_bf16("sdxl", Bf16, 3e-2);
}

#[test]
fn shapes_that_come_again_are_recorded() -> Result<(), Failure> {
    let [machine] = machines();
    let ops = CudaOps::new(machine, Precision::F32);
    let records = easel_models::ops::cuda::Records::default();
    let input = |seed: f32, len: usize| ops.upload(&(0..len).map(|i| seed + i as f32).collect::<Vec<_>>(), &[1, len]);
    let calls = std::cell::Cell::new(0);
    for (seed, len) in [(1.0, 4), (2.0, 4), (3.0, 4), (4.0, 6), (5.0, 4), (6.0, 6), (7.0, 6)] {
        let x = input(seed, len)?;
        let found = ops.repeat(&records, &[&x], &|inputs| {
            calls.set(calls.get() + 1);
            ops.add(&inputs[0], &ops.activate(&inputs[0], Activation::Silu)?)
        })?;
        let expected = ops.add(&x, &ops.activate(&x, Activation::Silu)?)?;
        assert_eq!(ops.download(&found)?, ops.download(&expected)?, "{seed}, {len} numbers");
    }
    // Each shape was issued twice: once as it is, once to be recorded.
    assert_eq!((calls.get(), records.recorded()), (4, 2));
    Ok(())
}

#[test]
fn every_operation_is_candles() -> Result<(), Failure> {
    let [machine] = machines();
    let (ours, theirs) =
        (CudaOps::new(machine, Precision::F32), CandleOps::new(candle_core::Device::Cpu, candle_core::DType::F32));
    let mut state = 7u32;
    let mut random = |len: usize| -> Vec<f32> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..len).map(|_| next()).collect()
    };
    let (map, more, tokens) = (random(2 * 12 * 5 * 6), random(2 * 4 * 5 * 6), random(2 * 7 * 24));
    let (weight, bias, rows) = (random(24 * 12 * 9), random(24), random(2 * 24));
    let (square, gated, scale) = (random(24 * 24), random(48 * 24), random(24));
    let outcome = [
        run(&ours, [&map, &more, &tokens, &weight, &bias, &rows, &square, &gated, &scale])?,
        run(&theirs, [&map, &more, &tokens, &weight, &bias, &rows, &square, &gated, &scale])?,
    ];
    for (i, (found, expected)) in outcome[0].iter().zip(&outcome[1]).enumerate() {
        assert_eq!(found.0, expected.0, "shape of result {i}");
        let difference = difference(&found.1, &expected.1);
        assert!(difference < 3e-6, "result {i} differs by {difference:.2e}");
    }
    Ok(())
}

type Outcome = Vec<(Vec<usize>, Vec<f32>)>;

/// One result of every operation.
fn run<O: Ops>(ops: &O, [map, more, tokens, weight, bias, rows, square, gated, scale]: [&[f32]; 9]) -> Result<Outcome, Failure> {
    let (map, more, tokens) =
        (ops.upload(map, &[2, 12, 5, 6])?, ops.upload(more, &[2, 4, 5, 6])?, ops.upload(tokens, &[2, 7, 24])?);
    let row_bias = ops.upload(rows, &[2, 24])?;
    let conv = ops.conv_weights(ConvShape::same(24, 12, 3), weight, Some(bias.to_vec()))?;
    let half = ops.conv_weights(ConvShape { stride: 2, padding: 0, ..ConvShape::same(24, 12, 3) }, weight, None)?;
    let linear = ops.linear_weights(24, 24, square, Some(bias.to_vec()))?;
    let gates = ops.gated_weights(24, 24, gated, None)?;
    let groups = ops.norm_weights(4, 1e-5, scale.to_vec(), bias.to_vec())?;
    let layer = ops.norm_weights(0, 1e-5, scale.to_vec(), bias.to_vec())?;
    let big = ops.conv(&map, &conv, Epilogue { row_bias: Some(&row_bias), activation: Activation::Silu, residual: None })?;
    let again = ops.conv(&map, &conv, Epilogue::residual(&big))?;
    let line = ops.linear(&tokens, &linear, Epilogue::activation(Activation::QuickGelu))?;
    let results = [
        ops.conv(&ops.pad_bottom_right(&map, 1)?, &half, Epilogue::none())?,
        ops.linear(&row_bias, &linear, Epilogue::none())?,
        ops.group_norm(&big, &groups, Activation::Silu)?,
        ops.layer_norm(&tokens, &layer)?,
        ops.attention(&line, &tokens, &tokens, 3, Mask::Full)?,
        ops.attention(&line, &line, &tokens, 3, Mask::Causal)?,
        ops.geglu(&tokens, &gates)?,
        ops.activate(&again, Activation::Gelu)?,
        ops.add(&again, &big)?,
        ops.upsample(&map, 9, 12)?,
        ops.concat_channels(&[&map, &more, &map])?,
        ops.concat_rows(&[&tokens, &line])?,
        ops.rows(&again, 1, 1)?,
        ops.map_to_tokens(&again)?,
        ops.tokens_to_map(&ops.map_to_tokens(&again)?, 5, 6)?,
    ];
    results.iter().map(|x| Ok((ops.shape(x), ops.download(x)?))).collect()
}

/// A picture's latents are the same bit for bit alone and with another in the batch.
#[test]
fn company_changes_nothing() -> Result<(), Failure> {
    let [machine] = machines();
    let mut card = on(machine, Precision::Bf16)?;
    let plans =
        [text_plan(&mut backend()?, "sd1", "a fox", 2, 64)?, text_plan(&mut backend()?, "sd1", "an owl on a branch", 2, 64)?];
    let alone = latents(&mut card, &plans[0])?;
    let slots = [prepared(&mut card, &plans[0])?, prepared(&mut card, &plans[1])?];
    for index in 0..plans[0].table.rows.len() {
        card.step(&slots.map(|slot| StepRow { slot, index }))?;
    }
    assert_eq!(card.latents(slots[0])?.0, alone);
    Ok(())
}
