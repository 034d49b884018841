//! The processor's path. `gpu/finish.wgsl` is the same arithmetic in the same order: change both or neither.

use std::ops::Range;

use rayon::prelude::*;

use super::plan::Plan;
use crate::Mark;

const CHANNELS: usize = 3;
/// Output rows that one task makes; it resamples a few source rows that its neighbours need as well.
const BAND_ROWS: usize = 64;
/// ITU-R BT.601, as in `mask`.
const LIGHTNESS: [f32; CHANNELS] = [0.299, 0.587, 0.114];

pub(super) fn run(source: &[u8], plan: &Plan<'_>) -> Vec<u8> {
    let mut out = vec![0; plan.height * plan.width * CHANNELS];
    let bands = out.par_chunks_mut(BAND_ROWS * plan.width * CHANNELS).enumerate();
    bands.for_each(|(band, out)| {
        let start = band * BAND_ROWS;
        finish_band(source, plan, start..(start + BAND_ROWS).min(plan.height), out);
    });
    out
}

fn finish_band(source: &[u8], plan: &Plan<'_>, rows: Range<usize>, out: &mut [u8]) {
    let source_rows = plan.source_rows(&rows);
    let wide = widen(source, plan, &source_rows);
    let tall_rows = plan.with_neighbours(&rows);
    let tall = heighten(&wide, plan, &tall_rows, source_rows.start);
    let row_length = plan.width * CHANNELS;
    let mut line = vec![0.0; row_length];
    for (y, out) in rows.zip(out.chunks_exact_mut(row_length)) {
        if plan.weight == 0.0 {
            let at = (y - tall_rows.start) * row_length;
            line.copy_from_slice(&tall[at..at + row_length]);
        } else {
            sharpen(&tall, plan, &tall_rows, y, &mut line);
        }
        if let Some(mark) = plan.mark {
            draw(mark, y, plan.width, &mut line);
        }
        for (byte, value) in out.iter_mut().zip(&line) {
            *byte = (value * 255.0 + 0.5) as u8;
        }
    }
}

/// Resamples each of the source rows to the output's width.
fn widen(source: &[u8], plan: &Plan<'_>, rows: &Range<usize>) -> Vec<f32> {
    let row_bytes = plan.source_width * CHANNELS;
    let mut wide = Vec::with_capacity(rows.len() * plan.width * CHANNELS);
    let mut values = vec![0.0; row_bytes];
    for row in source[rows.start * row_bytes..rows.end * row_bytes].chunks_exact(row_bytes) {
        for (value, &byte) in values.iter_mut().zip(row) {
            *value = f32::from(byte) / 255.0;
        }
        for x in 0..plan.width {
            let window = &values[plan.across.first[x] as usize * CHANNELS..];
            let mut sum = [0.0; CHANNELS];
            for (pixel, weight) in window.chunks_exact(CHANNELS).zip(plan.across.weights_of(x)) {
                for channel in 0..CHANNELS {
                    sum[channel] += pixel[channel] * weight;
                }
            }
            wide.extend(sum);
        }
    }
    wide
}

/// Resamples the widened rows to the output rows `rows`, and ends the overshoot.
fn heighten(wide: &[f32], plan: &Plan<'_>, rows: &Range<usize>, wide_start: usize) -> Vec<f32> {
    let row_length = plan.width * CHANNELS;
    let mut tall = vec![0.0; rows.len() * row_length];
    for (y, sums) in rows.clone().zip(tall.chunks_exact_mut(row_length)) {
        let window = &wide[(plan.down.first[y] as usize - wide_start) * row_length..];
        for (values, weight) in window.chunks_exact(row_length).zip(plan.down.weights_of(y)) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value * weight;
            }
        }
        for sum in sums {
            *sum = sum.clamp(0.0, 1.0);
        }
    }
    tall
}

/// Sharpens output row `y`: less of its four neighbours, the less the more contrast there is around a pixel and the nearer it is to black
/// or white. The idea is AMD's contrast-adaptive sharpening (FidelityFX CAS, 2019), over lightness so that colours get no fringes.
fn sharpen(tall: &[f32], plan: &Plan<'_>, rows: &Range<usize>, y: usize, line: &mut [f32]) {
    let row_length = plan.width * CHANNELS;
    let row = |y: usize| &tall[(y - rows.start) * row_length..][..row_length];
    let three = [row(y.saturating_sub(1)), row(y), row((y + 1).min(plan.height - 1))];
    // The darkest and the lightest of each column of three.
    let columns: Vec<(f32, f32)> = (0..plan.width)
        .map(|x| {
            let [above, here, below] = three.map(|row| lightness(&row[x * CHANNELS..]));
            (above.min(here).min(below), above.max(here).max(below))
        })
        .collect();
    for x in 0..plan.width {
        let (left, right) = (x.saturating_sub(1), (x + 1).min(plan.width - 1));
        let darkest = columns[left].0.min(columns[x].0).min(columns[right].0);
        let lightest = columns[left].1.max(columns[x].1).max(columns[right].1);
        let room = darkest.min(1.0 - lightest).max(0.0) / lightest.max(f32::MIN_POSITIVE);
        let weight = plan.weight * room.min(1.0).sqrt();
        for channel in 0..CHANNELS {
            let at = |x: usize| x * CHANNELS + channel;
            let around = three[0][at(x)] + three[2][at(x)] + three[1][at(left)] + three[1][at(right)];
            line[at(x)] = ((three[1][at(x)] + around * weight) / (1.0 + 4.0 * weight)).clamp(0.0, 1.0);
        }
    }
}

fn lightness(pixel: &[f32]) -> f32 {
    pixel[0] * LIGHTNESS[0] + pixel[1] * LIGHTNESS[1] + pixel[2] * LIGHTNESS[2]
}

/// Lays the mark's row over output row `y`, if it has one there.
fn draw(mark: &Mark, y: usize, width: usize, line: &mut [f32]) {
    let Some(row) = y.checked_sub(mark.y as usize).filter(|&row| row < mark.height as usize) else { return };
    let pixels = &mark.rgba[row * mark.width as usize * 4..][..mark.width as usize * 4];
    let under = line[(mark.x as usize).min(width) * CHANNELS..].chunks_exact_mut(CHANNELS);
    for (under, over) in under.zip(pixels.chunks_exact(4)) {
        let left = 1.0 - f32::from(over[3]) / 255.0;
        for channel in 0..CHANNELS {
            under[channel] = under[channel] * left + f32::from(over[channel]) / 255.0;
        }
    }
}
