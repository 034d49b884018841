//! Preparing and decoding in slices, previews, the cache of encoded prompts, memory figures and latents that stop being numbers: what the
//! engine relies on beyond the pictures themselves.

#![allow(missing_docs)]

mod common;

use std::sync::Arc;

use common::{Failure, backend, backend_with, decode, draw_alone, fixture, prepare, text_plan};
use easel_backend::{BackendError, DenoiseBackend, MemoryUse, StepRow};
use easel_models::{backend::TEXT_CACHE_BYTES, pipeline::CacheCounts};
use easel_sampling::{NoiseSource, TorchCpu, table};
use easel_types::{
    Convention, FromLatents, FromPicture, Gray8, LatentCell, LatentFill, LatentScaling, ModelId, Noising, Rgb8, Task,
};

#[test]
fn work_before_and_after_the_steps_is_cut_into_slices() -> Result<(), Failure> {
    let mut backend = backend()?;
    let mut plan = text_plan(&mut backend, "sd1", "a red circle", 2, 64)?;
    let slot = backend.admit(&plan)?;
    assert!(backend.step(&[StepRow { slot, index: 0 }]).is_err(), "admitting prepares nothing");
    // Begin, two texts, noise, first latents.
    assert_eq!(prepare(&mut backend, slot)?, 5);
    assert_eq!(prepare(&mut backend, slot)?, 1, "a slot that is ready stays ready");
    backend.step(&[StepRow { slot, index: 0 }])?;
    let mut slices = 1;
    while backend.decode(slot)?.is_none() {
        slices += 1;
    }
    assert!(slices > 8, "{slices} slices of decoding");

    let grey = Arc::new(Rgb8::new(64, 64, vec![100; 3 * 64 * 64])?);
    plan.task = Task::ImageToImage { image: grey, strength: 0.5 };
    let slot = backend.admit(&plan)?;
    let slices = prepare(&mut backend, slot)?;
    assert!(slices > 8, "{slices} slices with a picture to encode");
    Ok(())
}

#[test]
fn a_slot_is_only_what_it_was_admitted_with() -> Result<(), Failure> {
    let mut backend = backend()?;
    let plan = text_plan(&mut backend, "sd1", "a", 2, 60)?;
    assert!(matches!(backend.admit(&plan), Err(BackendError::Unsupported(_))), "60 is no multiple of 8");
    let plan = text_plan(&mut backend, "sd1", "a <lora:x:1>", 2, 64)?;
    let slot = backend.admit(&plan)?;
    backend.prepare(slot)?;
    assert!(matches!(backend.prepare(slot), Err(BackendError::Unsupported(reason)) if reason.contains("no LoRA is called `x`")));
    backend.release(slot);
    assert!(backend.prepare(slot).is_err() && backend.decode(slot).is_err() && backend.preview(slot).is_err());
    assert!(backend.step(&[StepRow { slot, index: 0 }]).is_err());
    Ok(())
}

#[test]
fn a_step_after_decoding_has_begun_is_decoded_anew() -> Result<(), Failure> {
    let mut backend = backend()?;
    let plan = text_plan(&mut backend, "sd1", "a red circle", 2, 64)?;
    let expected = draw_alone(&mut backend, &plan)?;
    let slot = backend.admit(&plan)?;
    prepare(&mut backend, slot)?;
    backend.step(&[StepRow { slot, index: 0 }])?;
    for _ in 0..5 {
        assert!(backend.decode(slot)?.is_none());
    }
    for index in 1..plan.table.rows.len() {
        backend.step(&[StepRow { slot, index }])?;
    }
    assert_eq!(decode(&mut backend, slot)?, expected);
    Ok(())
}

#[test]
fn a_cached_text_draws_the_same_picture() -> Result<(), Failure> {
    let (mut cached, mut fresh) = (backend()?, backend_with(0)?);
    let counts = |hits, misses, entries| move |c: CacheCounts| assert_eq!((c.hits, c.misses, c.entries), (hits, misses, entries));
    for (model, first) in [("sd1", 0), ("sdxl", 3)] {
        let mut plan = text_plan(&mut cached, model, "a (red:1.2) circle", 2, 64)?;
        plan.negative_prompt = Some("blurry".into());
        let expected = draw_alone(&mut fresh, &plan)?;
        assert_eq!(draw_alone(&mut cached, &plan)?, expected, "{model}: encoded");
        assert_eq!(draw_alone(&mut cached, &plan)?, expected, "{model}: from the cache");
        plan.prompt = "a blue square".into();
        let other = draw_alone(&mut cached, &plan)?;
        assert_ne!(other, expected);
        assert_eq!(draw_alone(&mut fresh, &plan)?, other, "{model}: half from the cache");
        counts(if first == 0 { 3 } else { 6 }, first + 3, first as usize + 3)(cached.text_cache());
    }
    // A longer partner pads the negative prompt to two chunks: another encoding. So does leaving out a layer.
    let before = cached.text_cache();
    let mut plan = text_plan(&mut cached, "sd1", &"word ".repeat(80), 2, 64)?;
    plan.negative_prompt = Some("blurry".into());
    assert_eq!(draw_alone(&mut cached, &plan)?, draw_alone(&mut fresh, &plan)?);
    plan.prompt = "a blue square".into();
    plan.clip_skip = Some(1);
    assert_eq!(draw_alone(&mut cached, &plan)?, draw_alone(&mut fresh, &plan)?);
    assert_eq!((cached.text_cache().hits, cached.text_cache().misses), (before.hits, before.misses + 4));
    assert_eq!((fresh.text_cache().hits, fresh.text_cache().entries), (0, 0));
    cached.unload(&ModelId::from("sd1"));
    assert_eq!(cached.text_cache().entries, 3, "the other model's");
    Ok(())
}

#[test]
fn the_cache_stays_within_its_bytes() -> Result<(), Failure> {
    let limit = 40_000;
    let mut backend = backend_with(limit)?;
    for i in 0..12 {
        let plan = text_plan(&mut backend, "sd1", &format!("circle {i}"), 1, 64)?;
        let slot = backend.admit(&plan)?;
        prepare(&mut backend, slot)?;
        backend.release(slot);
        assert!(backend.text_cache().bytes <= limit);
    }
    let counts = backend.text_cache();
    assert!(counts.entries >= 2 && counts.entries < 12, "{counts:?}");
    assert_eq!(backend.memory().cache, counts.bytes);
    Ok(())
}

/// The linear map gives 32 to 33 dB here; the bound leaves room for other weights of the built-in model.
#[test]
fn a_preview_is_close_to_the_picture_made_small() -> Result<(), Failure> {
    let mut backend = backend()?;
    for prompt in
        ["a red circle on a blue background", "a green square on a white background", "a yellow triangle on a black background"]
    {
        let plan = text_plan(&mut backend, "builtin", prompt, 12, 128)?;
        let slot = backend.admit(&plan)?;
        prepare(&mut backend, slot)?;
        for index in 0..plan.table.rows.len() {
            backend.step(&[StepRow { slot, index }])?;
        }
        let preview = backend.preview(slot)?;
        let picture = decode(&mut backend, slot)?.picture;
        assert_eq!((preview.width(), preview.height()), (16, 16));
        let (psnr, grey) = (psnr(&small(&picture), preview.pixels()), psnr(&small(&picture), &[128; 3 * 256]));
        println!("{prompt}: {psnr:.1} dB, a grey picture {grey:.1} dB");
        assert!(psnr > 28.0 && psnr > grey + 10.0, "{prompt}: {psnr:.1} dB, a grey picture {grey:.1} dB");
    }
    Ok(())
}

/// Means of 8 by 8 pixels.
fn small(picture: &Rgb8) -> Vec<u8> {
    let (width, side) = (picture.width() as usize, picture.width() as usize / 8);
    let mut out = Vec::new();
    for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
        for colour in 0..3 {
            let cell = (0..64).map(|i| u32::from(picture.pixels()[3 * ((8 * y + i / 8) * width + 8 * x + i % 8) + colour]));
            out.push((cell.sum::<u32>() / 64) as u8);
        }
    }
    out
}

fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let off: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>() / a.len() as f64;
    10.0 * (255f64.powi(2) / off.max(1e-9)).log10()
}

#[test]
fn every_family_has_previews_from_the_first_step_on() -> Result<(), Failure> {
    let mut backend = backend()?;
    for model in ["sd1", "sd2", "sdxl", "inpaint"] {
        let plan = text_plan(&mut backend, model, "a", 2, 64)?;
        let slot = backend.admit(&plan)?;
        prepare(&mut backend, slot)?;
        let first = backend.preview(slot)?;
        backend.step(&[StepRow { slot, index: 0 }])?;
        let second = backend.preview(slot)?;
        assert_eq!((second.width(), second.height()), (8, 8), "{model}");
        assert!(first != second, "{model}: the step does not show");
    }
    Ok(())
}

#[test]
fn memory_is_accounted_for() -> Result<(), Failure> {
    let mut backend = backend()?;
    assert_eq!(backend.memory(), MemoryUse::default());
    assert!(backend.describe().memory.is_none_or(|bytes| bytes > 1 << 26));
    let mut total = 0;
    for model in ["sd1", "sd2", "sdxl", "inpaint"] {
        let id = ModelId::from(model);
        backend.load(&id)?;
        let described = backend.describe_model(&id)?.weight_bytes;
        total += described;
        assert_eq!(backend.memory().weights, total, "{model}: what the headers say is what loading takes");
        // The fixtures' files are single precision, so they are as large as their weights and a header more.
        let files = ["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model", "text_encoder_2/model"];
        let sizes =
            files.map(|file| std::fs::metadata(fixture(model).join(format!("{file}.safetensors"))).map_or(0, |m| m.len()));
        let on_disk: u64 = sizes.iter().sum();
        assert!(described < on_disk && described > on_disk * 8 / 10, "{model}: {described} bytes, files {on_disk}");
    }
    let plan = text_plan(&mut backend, "sd1", "a", 2, 64)?;
    let slot = backend.admit(&plan)?;
    let admitted = backend.memory().slots;
    prepare(&mut backend, slot)?;
    let ready = backend.memory().slots;
    // Latents, noise and two encoded texts of 77 tokens.
    assert!(admitted < 4096 && ready > admitted + 2 * 4 * 4 * 64, "{admitted}, {ready}");
    backend.decode(slot)?;
    assert!(backend.memory().slots > ready, "the decoder's tensors count");
    backend.release(slot);
    assert_eq!(backend.memory().slots, 0);
    backend.unload(&ModelId::from("sdxl"));
    assert!(backend.memory().weights < total);
    assert_eq!(TEXT_CACHE_BYTES, 64 << 20);
    Ok(())
}

#[test]
fn a_spoilt_picture_is_named_and_its_companions_are_stepped() -> Result<(), Failure> {
    let mut backend = backend()?;
    let good = text_plan(&mut backend, "sd1", "a red circle", 3, 64)?;
    let expected = draw_alone(&mut backend, &good)?;
    let mut bad = good.clone();
    let mut table = (*bad.table).clone();
    table.rows[1].x[0] = f64::MAX;
    bad.table = Arc::new(table);
    let slots = [backend.admit(&good)?, backend.admit(&bad)?, backend.admit(&good)?];
    for slot in slots {
        prepare(&mut backend, slot)?;
    }
    let rows = |index| slots.map(|slot| StepRow { slot, index });
    backend.step(&rows(0))?;
    assert!(matches!(backend.step(&rows(1)), Err(BackendError::NonFinite(slot)) if slot == slots[1]));
    assert!(matches!(backend.decode(slots[1]), Err(BackendError::NonFinite(slot)) if slot == slots[1]));
    assert!(matches!(backend.step(&rows(2)[1..2]), Err(BackendError::NonFinite(_))), "it stays spoilt");
    backend.release(slots[1]);
    for index in 2..good.table.rows.len() {
        backend.step(&[rows(index)[0], rows(index)[2]])?;
    }
    for slot in [slots[0], slots[2]] {
        assert_eq!(decode(&mut backend, slot)?, expected);
    }
    Ok(())
}

#[test]
fn a_step_that_cannot_be_changes_nothing() -> Result<(), Failure> {
    let mut backend = backend()?;
    let plan = text_plan(&mut backend, "sd1", "a red circle", 2, 64)?;
    let expected = draw_alone(&mut backend, &plan)?;
    let slots = [backend.admit(&plan)?, backend.admit(&plan)?];
    for slot in slots {
        prepare(&mut backend, slot)?;
    }
    let [a, b] = slots.map(|slot| StepRow { slot, index: 0 });
    assert!(backend.step(&[a, a]).is_err(), "named twice");
    assert!(backend.step(&[a, StepRow { slot: b.slot, index: 99 }]).is_err(), "beyond the table");
    assert!(backend.step(&[a, StepRow { slot: easel_backend::Slot(12345), index: 0 }]).is_err(), "no such slot");
    for index in 0..plan.table.rows.len() {
        backend.step(&slots.map(|slot| StepRow { slot, index }))?;
    }
    assert_eq!(decode(&mut backend, slots[0])?, expected);
    Ok(())
}

#[test]
fn latents_go_from_one_picture_to_the_next() -> Result<(), Failure> {
    let mut backend = backend()?;
    let mut plan = text_plan(&mut backend, "sd1", "a red circle", 2, 64)?;
    let cell = LatentCell::default();
    plan.handover.leave = vec![cell.clone()];
    let first = draw_alone(&mut backend, &plan)?;
    let left = cell.get().ok_or("nothing was left")?.clone();
    assert_eq!(left.values, first.latents);

    // Nothing is drawn over: what comes out is what was handed over, twice as large.
    let described = backend.describe_model(&plan.model)?;
    plan.table = Arc::new(table(&described.sampler, &described.training, 2, Some(0.0))?);
    let grey = Arc::new(Rgb8::new(128, 128, vec![100; 3 * 128 * 128])?);
    (plan.width, plan.height, plan.task) = (128, 128, Task::ImageToImage { image: grey, strength: 0.0 });
    plan.handover.leave = Vec::new();
    plan.handover.from = Some(FromLatents { cell, scaling: LatentScaling::NearestExact, enlarged: (128, 128) });
    let second = draw_alone(&mut backend, &plan)?;
    let [_, height, width] = left.shape;
    for (i, value) in second.latents.iter().enumerate() {
        let (c, y, x) = (i / (4 * height * width), i / (2 * width) % (2 * height), i % (2 * width));
        assert_eq!(*value, left.values[(c * height + y / 2) * width + x / 2], "{c} {y} {x}");
    }
    plan.handover.from =
        Some(FromLatents { cell: LatentCell::default(), scaling: LatentScaling::Bilinear, enlarged: (128, 128) });
    assert!(draw_alone(&mut backend, &plan).is_err(), "nobody left anything there");
    Ok(())
}

#[test]
fn a_picture_of_another_size_is_encoded_as_it_is_and_its_latents_are_resized() -> Result<(), Failure> {
    let mut backend = backend()?;
    let mut plan = text_plan(&mut backend, "sd1", "a red circle", 2, 128)?;
    let described = backend.describe_model(&plan.model)?;
    // No step is left, so the latents are the picture's.
    plan.table = Arc::new(table(&described.sampler, &described.training, 2, Some(0.0))?);
    plan.convention = Convention::KDiffusion;
    let large = Arc::new(Rgb8::new(128, 128, (0..3 * 128 * 128).map(|i| (i * 7 % 251) as u8).collect())?);
    plan.task = Task::ImageToImage { image: Arc::clone(&large), strength: 0.0 };
    let whole = draw_alone(&mut backend, &plan)?.latents;
    let slot = backend.admit(&plan)?;
    prepare(&mut backend, slot)?;
    let [_, height, width] = backend.latents(slot)?.1;
    (plan.width, plan.height) = (64, 64);
    plan.task = Task::ImageToImage { image: Arc::new(Rgb8::new(64, 64, vec![100; 3 * 64 * 64])?), strength: 0.0 };
    plan.handover.picture = Some(FromPicture { image: large, scaling: LatentScaling::Nearest });
    let resized = draw_alone(&mut backend, &plan)?;
    assert_eq!((resized.picture.width(), resized.latents.len()), (64, whole.len() / 4));
    for (i, value) in resized.latents.iter().enumerate() {
        let (c, y, x) = (i / (height / 2 * (width / 2)), i / (width / 2) % (height / 2), i % (width / 2));
        assert_eq!(*value, whole[(c * height + 2 * y) * width + 2 * x], "{c} {y} {x}");
    }
    // In diffusers' convention, too: nothing is drawn for a posterior of another size.
    plan.convention = Convention::Diffusers;
    assert_eq!(draw_alone(&mut backend, &plan)?.latents, resized.latents);
    let mask = Arc::new(Gray8::new(64, 64, vec![255; 64 * 64])?);
    plan.task = Task::Inpaint { image: Arc::new(Rgb8::new(64, 64, vec![100; 3 * 64 * 64])?), mask, strength: 0.0 };
    assert!(backend.admit(&plan).is_err(), "a mask has the places of what is encoded");
    Ok(())
}

#[test]
fn an_evaluation_without_its_second_row_is_one_without_guidance() -> Result<(), Failure> {
    let mut backend = backend()?;
    let guided = text_plan(&mut backend, "sd1", "a red circle", 3, 64)?;
    let with = |without: &[usize]| {
        let mut plan = guided.clone();
        let rows = Arc::make_mut(&mut plan.table).rows.iter_mut().enumerate();
        rows.for_each(|(i, row)| row.guided = !without.contains(&i));
        plan
    };
    let mut plain = guided.clone();
    (plain.guidance_scale, plain.branches) = (1.0, 1);
    let plain = draw_alone(&mut backend, &plain)?;
    let all: Vec<usize> = (0..guided.table.rows.len()).collect();
    assert_eq!(draw_alone(&mut backend, &with(&all))?, plain);
    let usual = draw_alone(&mut backend, &guided)?;
    assert_eq!(draw_alone(&mut backend, &with(&[]))?, usual);
    let some = draw_alone(&mut backend, &with(&[1]))?;
    assert!(some != usual && some != plain);
    Ok(())
}

#[test]
fn the_repainted_part_is_noise_or_nothing_where_it_is_said() -> Result<(), Failure> {
    let mut backend = backend()?;
    let mut plan = text_plan(&mut backend, "sd1", "a red circle", 2, 64)?;
    let described = backend.describe_model(&plan.model)?;
    plan.table = Arc::new(table(&described.sampler, &described.training, 2, Some(0.0))?);
    let grey = Arc::new(Rgb8::new(64, 64, vec![100; 3 * 64 * 64])?);
    // The right half is repainted.
    let mask = Arc::new(Gray8::new(64, 64, (0..64 * 64).map(|i| if i % 64 < 32 { 0 } else { 255 }).collect())?);
    plan.task = Task::Inpaint { image: grey, mask, strength: 0.0 };
    let picture = draw_alone(&mut backend, &plan)?.latents;
    let slot = backend.admit(&plan)?;
    prepare(&mut backend, slot)?;
    let [channels, height, width] = backend.latents(slot)?.1;
    for (fill, filled) in [
        (LatentFill::Nothing, vec![0.0; picture.len()]),
        (LatentFill::Noise { back: 0 }, TorchCpu::new(plan.seed).randn(&[channels, height, width])),
        (LatentFill::Noise { back: 2 }, TorchCpu::new(plan.seed - 2).randn(&[channels, height, width])),
    ] {
        plan.noising = Noising { fill, ..Noising::default() };
        let latents = draw_alone(&mut backend, &plan)?.latents;
        for (i, value) in latents.iter().enumerate() {
            let expected = if i % width < width / 2 { picture[i] } else { filled[i] };
            assert_eq!(*value, expected, "{fill:?} {i}");
        }
    }
    Ok(())
}
