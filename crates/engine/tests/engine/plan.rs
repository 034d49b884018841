//! Planning: defaults, limits, seeds.

use std::sync::Arc;

use easel_backend::{DenoiseBackend, ModelDescription};
use easel_engine::{
    Limits, PlanError, TaskKind, output_size, plan,
    sim::{SimBackend, SimConfig},
};
use easel_types::{
    ControlBalance, ControlUse, FromPicture, GenerationRequest, Gray8, Handover, LatentScaling, LoraUse, Noising, Rgb8,
    SamplerKind, SigmaSchedule, Task,
};

fn model() -> ModelDescription {
    let (mut backend, _) = SimBackend::new(SimConfig::default());
    backend.describe_model(&"sim".into()).expect("the toy device has this model")
}

fn request() -> GenerationRequest {
    GenerationRequest::text_to_image("a cat")
}

fn picture(width: u32, height: u32) -> Arc<Rgb8> {
    Arc::new(Rgb8::new(width, height, vec![0; (width * height * 3) as usize]).expect("the bytes fit"))
}

/// The code and field of the refusal.
fn refusal(request: GenerationRequest) -> (&'static str, &'static str) {
    let error = plan(&request, &model(), &Limits::default(), 0).expect_err("it is out of range");
    (error.code(), error.param())
}

#[test]
fn defaults_are_the_models() {
    let planned = plan(&request(), &model(), &Limits::default(), 42).unwrap();
    let resolved = &planned.resolved[0];
    assert_eq!((resolved.width, resolved.height, resolved.num_inference_steps, resolved.seed), (128, 128, 4, 42));
    assert_eq!((resolved.sampler, resolved.schedule), (SamplerKind::Euler, SigmaSchedule::Normal));
    assert_eq!(resolved.guidance_scale, 7.0);
    assert_eq!((resolved.strength, resolved.task), (None, TaskKind::TextToImage));
    assert_eq!(planned.plans[0].table.steps(), 4);
}

#[test]
fn a_picture_whose_latents_are_resized_is_within_the_limits_of_any_picture() {
    let with = |width, height| {
        let picture = Some(FromPicture { image: picture(width, height), scaling: LatentScaling::Bilinear });
        let task = Task::ImageToImage { image: self::picture(128, 128), strength: 0.5 };
        GenerationRequest { task, handover: Handover { picture, ..Handover::default() }, ..request() }
    };
    let planned = plan(&with(64, 256), &model(), &Limits::default(), 0).unwrap();
    assert_eq!((planned.resolved[0].width, planned.resolved[0].height), (128, 128));
    let handed = planned.plans[0].handover.picture.as_ref().map(|from| (from.image.width(), from.image.height()));
    assert_eq!(handed, Some((64, 256)));
    for (width, height) in [(60, 64), (64, 4104), (2056, 2048)] {
        assert_eq!(refusal(with(width, height)), ("invalid_size", "init_images"), "{width}x{height}");
    }
}

#[test]
fn evaluations_below_a_level_leave_the_second_row_out() {
    let noising = Noising { unguided_below: 1000.0, ..Noising::default() };
    let planned = plan(&GenerationRequest { noising, ..request() }, &model(), &Limits::default(), 0).unwrap();
    let guided: Vec<_> = planned.plans[0].table.rows.iter().map(|row| row.guided).collect();
    assert_eq!(guided, [true, false, true, false]);
    let noising = Noising { unguided_below: -1.0, ..Noising::default() };
    assert_eq!(refusal(GenerationRequest { noising, ..request() }), ("out_of_range", "s_min_uncond"));
}

#[test]
fn picture_i_uses_the_seed_plus_i_and_wraps() {
    let request = GenerationRequest { seed: Some(u64::MAX), num_images: 3, ..request() };
    let planned = plan(&request, &model(), &Limits::default(), 42).unwrap();
    let seeds: Vec<_> = planned.plans.iter().map(|plan| plan.seed).collect();
    assert_eq!(seeds, [u64::MAX, 0, 1]);
    assert!(Arc::ptr_eq(&planned.plans[0].table, &planned.plans[2].table), "one table for all");
}

#[test]
fn what_is_out_of_range_is_refused_by_name() {
    let base = request;
    let cases = [
        (GenerationRequest { width: Some(100), ..base() }, ("invalid_size", "width")),
        (GenerationRequest { height: Some(56), ..base() }, ("invalid_size", "height")),
        (GenerationRequest { width: Some(u32::MAX), ..base() }, ("invalid_size", "width")),
        (GenerationRequest { num_images: 0, ..base() }, ("out_of_range", "n")),
        (GenerationRequest { num_images: 11, ..base() }, ("out_of_range", "n")),
        (GenerationRequest { num_inference_steps: Some(0), ..base() }, ("out_of_range", "num_inference_steps")),
        (GenerationRequest { num_inference_steps: Some(201), ..base() }, ("out_of_range", "num_inference_steps")),
        (GenerationRequest { guidance_scale: Some(-1.0), ..base() }, ("out_of_range", "guidance_scale")),
        (GenerationRequest { guidance_scale: Some(f64::NAN), ..base() }, ("out_of_range", "guidance_scale")),
        (GenerationRequest { guidance_scale: Some(50.5), ..base() }, ("out_of_range", "guidance_scale")),
        (GenerationRequest { guidance_rescale: f64::INFINITY, ..base() }, ("out_of_range", "guidance_rescale")),
        (GenerationRequest { eta: Some(-0.1), ..base() }, ("out_of_range", "eta")),
        (GenerationRequest { clip_skip: Some(12), ..base() }, ("out_of_range", "clip_skip")),
        (GenerationRequest { prompt: "é".repeat(10_001), ..base() }, ("prompt_too_long", "prompt")),
        (GenerationRequest { negative_prompt: Some("x".repeat(10_001)), ..base() }, ("prompt_too_long", "negative_prompt")),
        (
            GenerationRequest { task: Task::ImageToImage { image: picture(128, 128), strength: 1.5 }, ..base() },
            ("out_of_range", "strength"),
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(refusal(request), expected);
    }
}

#[test]
fn the_limits_themselves_are_allowed() {
    let request = GenerationRequest {
        prompt: "é".repeat(10_000),
        width: Some(4096),
        height: Some(64),
        num_inference_steps: Some(200),
        guidance_scale: Some(50.0),
        num_images: 10,
        ..request()
    };
    assert_eq!(plan(&request, &model(), &Limits::default(), 0).unwrap().plans.len(), 10);
}

#[test]
fn the_number_of_pixels_is_limited() {
    let limits = Limits { pixels_max: 1024 * 1024, ..Limits::default() };
    let request = GenerationRequest { width: Some(1032), height: Some(1024), ..request() };
    let error = plan(&request, &model(), &limits, 0).unwrap_err();
    assert!(matches!(error, PlanError::Size { param: "size", .. }), "{error}");
}

#[test]
fn a_start_picture_gives_the_size_and_must_then_have_it() {
    let task = |width, height| Task::ImageToImage { image: picture(width, height), strength: 0.5 };
    let odd = GenerationRequest { task: task(135, 70), ..request() };
    assert_eq!(output_size(&odd, &model(), &Limits::default()), Ok((128, 64)));
    assert_eq!(refusal(odd), ("invalid_size", "image"));
    let fitting = GenerationRequest { task: task(128, 64), ..request() };
    let planned = plan(&fitting, &model(), &Limits::default(), 0).unwrap();
    assert_eq!((planned.resolved[0].width, planned.resolved[0].height), (128, 64));
    assert_eq!(planned.resolved[0].strength, Some(0.5));
    assert_eq!(planned.plans[0].table.steps(), 2);

    let mask = Arc::new(Gray8::new(64, 64, vec![0; 64 * 64]).unwrap());
    let task = Task::Inpaint { image: picture(128, 64), mask, strength: 1.0 };
    assert_eq!(refusal(GenerationRequest { task, ..request() }), ("invalid_size", "mask"));
}

#[test]
fn another_sampler_starts_from_its_own_defaults() {
    let mut model = model();
    model.sampler.schedule = SigmaSchedule::Karras;
    model.sampler.eta = Some(0.5);
    let request = GenerationRequest { sampler: Some(SamplerKind::Ddim), ..request() };
    let resolved = plan(&request, &model, &Limits::default(), 0).unwrap().resolved.remove(0);
    assert_eq!((resolved.sampler, resolved.schedule, resolved.eta), (SamplerKind::Ddim, SigmaSchedule::Normal, None));
    let request = GenerationRequest { sampler: Some(SamplerKind::Euler), ..self::request() };
    let resolved = plan(&request, &model, &Limits::default(), 0).unwrap().resolved.remove(0);
    assert_eq!((resolved.schedule, resolved.eta), (SigmaSchedule::Karras, Some(0.5)));
}

#[test]
fn loras_and_controlnets_are_checked_and_reach_every_plan() {
    let lora = |weight| LoraUse { name: "ink".into(), weight, text_encoder_weight: 1.0 };
    let control = |side, weight, start, end| {
        let balance = ControlBalance::Balanced;
        ControlUse { model: "edges".into(), image: picture(side, side), weight, start, end, balance }
    };
    let with = |loras, controls| GenerationRequest { loras, controls, num_images: 2, ..request() };
    for request in [
        with(vec![lora(f64::NAN)], vec![]),
        with(vec![lora(-101.0)], vec![]),
        with(vec![lora(1.0); 33], vec![]),
        with(vec![], vec![control(128, f64::INFINITY, 0.0, 1.0)]),
        with(vec![], vec![control(128, 1.0, 0.6, 0.5)]),
        with(vec![], vec![control(128, 1.0, 0.0, 1.1)]),
    ] {
        assert_eq!(refusal(request).0, "out_of_range");
    }
    assert_eq!(refusal(with(vec![], vec![control(64, 1.0, 0.0, 1.0)])), ("invalid_size", "controls"));
    let request = with(vec![lora(0.5)], vec![control(128, 1.0, 0.0, 0.5)]);
    let planned = plan(&request, &model(), &Limits::default(), 0).unwrap();
    assert!(planned.plans.iter().all(|plan| plan.loras == request.loras && plan.controls == request.controls));
    assert_eq!(planned.resolved[1].loras, request.loras);
}
