//! The CUDA kernels' step: the denoiser's input, and the sampler's update against the processor's.

#![allow(missing_docs)]

use crate::common::{Random, assert_close, bits};
use crate::cuda_common::{FORMATS, on_machines, rounded, rounding};
use easel_kernels::{
    advance,
    cuda::{Array, Blend, Input, Machine, Update},
};

on_machines!(inputs, updates, unread_terms);

fn inputs(machine: &Machine) {
    let mut random = Random(0x5eed_0041);
    for format in FORMATS {
        for extra in [0, 5] {
            let pixels = 1 + random.below(400);
            // More pictures than one launch takes.
            let pictures: Vec<_> = (0..35)
                .map(|_| {
                    (random.values(pixels * 4), random.values(pixels * extra), f64::from(random.number()), 1 + random.below(2))
                })
                .collect();
            let arrays: Vec<(Array, Array)> = pictures
                .iter()
                .map(|(latents, more, _, _)| (machine.upload(latents).expect("memory"), machine.upload(more).expect("memory")))
                .collect();
            let given: Vec<Input<'_>> = pictures
                .iter()
                .zip(&arrays)
                .map(|((_, _, factor, rows), (latents, more))| Input {
                    latents,
                    factor: *factor,
                    extra: (extra > 0).then_some(more),
                    rows: *rows,
                })
                .collect();
            let found = machine.download(&machine.denoiser_input(&given, pixels, format).expect("an input")).expect("numbers");
            let expected: Vec<_> = pictures
                .iter()
                .flat_map(|(latents, more, factor, rows)| {
                    let row: Vec<_> = (0..pixels * (4 + extra))
                        .map(|i| {
                            let (pixel, channel) = (i / (4 + extra), i % (4 + extra));
                            let value = match channel.checked_sub(4) {
                                None => f64::from(latents[pixel * 4 + channel]) * factor,
                                Some(channel) => f64::from(more[pixel * extra + channel]),
                            };
                            (value, value.abs())
                        })
                        .collect();
                    row.repeat(*rows)
                })
                .collect();
            assert_close(&format!("{pixels} pixels, {extra} more, {format:?}"), &found, &expected, rounding(format));
        }
    }
}

/// Everything one picture's update takes, on the host.
struct Picture {
    tensors: Vec<Vec<f32>>,
    guidance: Option<(f64, f64)>,
    history: [bool; 3],
    noise: bool,
    blend: Option<[f64; 2]>,
    x: [f64; 6],
    store: [Option<[f64; 5]>; 3],
}

fn coefficients<const N: usize>(random: &mut Random) -> [f64; N] {
    std::array::from_fn(|_| if random.below(3) == 0 { 0.0 } else { f64::from(random.number()) })
}

fn picture(random: &mut Random, len: usize) -> Picture {
    let mut tensors: Vec<Vec<f32>> = (0..7).map(|_| random.values(len)).collect();
    tensors.push((0..len).map(|_| f32::from(u8::from(random.chance()))).collect());
    let scale = if random.below(4) == 0 { 1.0 } else { 1.0 + f64::from(random.number()).abs() * 4.0 };
    Picture {
        tensors,
        guidance: (random.below(3) > 0).then_some((scale, if random.chance() { 0.7 } else { 0.0 })),
        history: std::array::from_fn(|_| random.chance()),
        noise: random.chance(),
        blend: random.chance().then(|| coefficients(random)),
        x: coefficients(random),
        store: std::array::from_fn(|_| random.chance().then(|| coefficients(random))),
    }
}

fn updates(machine: &Machine) {
    let mut random = Random(0x5eed_0042);
    for format in FORMATS {
        for len in [4, 255, 256, 1337] {
            // More pictures than one launch takes.
            let pictures: Vec<Picture> = (0..11).map(|_| picture(&mut random, len)).collect();
            let rows: usize = pictures.iter().map(|p| 1 + usize::from(p.guidance.is_some())).sum();
            let (output, values) = rounded(machine, &random.values(rows * len), format);
            let arrays: Vec<Vec<Array>> =
                pictures.iter().map(|p| p.tensors.iter().map(|x| machine.upload(x).expect("memory")).collect()).collect();
            let mut row = 0;
            let mut given = Vec::new();
            for (picture, arrays) in pictures.iter().zip(&arrays) {
                given.push(Update {
                    latents: &arrays[0],
                    row,
                    guidance: picture.guidance,
                    history: std::array::from_fn(|k| picture.history[k].then_some(&arrays[1 + k])),
                    noise: picture.noise.then_some(&arrays[4]),
                    blend: picture.blend.map(|factors| Blend { mask: &arrays[7], image: &arrays[5], noise: &arrays[6], factors }),
                    x: picture.x,
                    store: picture.store,
                });
                row += 1 + usize::from(picture.guidance.is_some());
            }
            let found = machine.advance(&output, &given).expect("an update");
            for (i, ((picture, update), found)) in pictures.iter().zip(&given).zip(&found).enumerate() {
                let expected = advance::advance(&on_host(picture, update.row, &values, len));
                let same = |found: &Array, expected: &[f32]| {
                    let expected: Vec<_> = expected.iter().map(|x| (f64::from(*x), f64::from(x.abs()))).collect();
                    let found = machine.download(found).expect("numbers");
                    assert_close(&format!("picture {i} of {len} numbers, {format:?}"), &found, &expected, 3e-7);
                };
                same(&found.latents, &expected.latents);
                for (found, expected) in found.stored.iter().zip(&expected.stored) {
                    assert_eq!(found.is_some(), expected.is_some());
                    if let (Some(found), Some(expected)) = (found, expected) {
                        same(found, expected);
                    }
                }
            }
        }
    }
}

fn on_host<'a>(picture: &'a Picture, row: usize, output: &'a [f32], len: usize) -> advance::Update<'a> {
    let t = &picture.tensors;
    let row_of = |row: usize| &output[row * len..(row + 1) * len];
    advance::Update {
        latents: &t[0],
        output: row_of(row),
        guidance: picture.guidance.map(|(scale, rescale)| advance::Guidance { unconditional: row_of(row + 1), scale, rescale }),
        history: std::array::from_fn(|k| picture.history[k].then_some(&t[1 + k][..])),
        noise: picture.noise.then_some(&t[4][..]),
        blend: picture.blend.map(|[image_factor, noise_factor]| advance::Blend {
            mask: &t[7],
            image: &t[5],
            noise: &t[6],
            image_factor,
            noise_factor,
        }),
        x: picture.x,
        store: picture.store,
    }
}

/// A term without weight may be anything.
fn unread_terms(machine: &Machine) {
    let up = |values: &[f32]| machine.upload(values).expect("memory");
    let (latents, bad) = (up(&[1.0, 2.0, 3.0]), up(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]));
    let output = up(&[2.0, 2.0, 2.0, f32::NAN, f32::NAN, f32::NAN]);
    let update = Update {
        latents: &latents,
        row: 0,
        guidance: Some((1.0, 0.0)),
        history: [Some(&bad); 3],
        noise: Some(&bad),
        blend: None,
        x: [1.0, 0.5, 0.0, 0.0, 0.0, 0.0],
        store: [None; 3],
    };
    let found = machine.advance(&output, &[update]).expect("an update");
    assert_eq!(bits(&machine.download(&found[0].latents).expect("numbers")), bits(&[2.0, 3.0, 4.0]));
}
