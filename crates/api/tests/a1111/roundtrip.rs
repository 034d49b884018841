//! Whatever can be asked for is written into the file, and read back as the same request.

use std::collections::BTreeMap;

use easel_api::{
    compat::a1111::{infotext as reading, options::Options, parameters::Count, request::Asked, samplers},
    infotext,
};
use easel_backend::DenoiseBackend;
use easel_engine::{
    Engine, EngineConfig, Limits, plan,
    sim::{SimBackend, SimConfig},
};
use easel_imaging::Infotext;
use easel_types::{GenerationRequest, Worn};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value, json};

/// Words, weights, LoRAs and lines; nothing that A1111 itself would take for the negative prompt or trim away.
fn prompt() -> impl Strategy<Value = String> {
    let line = "[a-zA-Z0-9(:\"äöü赤円🟥<>\\[\\]{},.'/=_|-][ -~äöü赤円🟥]{0,40}";
    let lines =
        prop::collection::vec(line, 0..4).prop_map(|lines| lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n"));
    lines.prop_filter("the negative prompt begins nowhere else", |text| !text.contains("Negative prompt:"))
}

fn body() -> impl Strategy<Value = Value> {
    let sampler = prop::sample::select(samplers::LIST.iter().map(|listed| listed.kind).collect::<Vec<_>>());
    let schedule =
        prop::sample::select(vec!["Automatic", "Karras", "Exponential", "SGM Uniform", "Simple", "Beta", "DDIM", "Uniform"]);
    let numbers = (1u32..50, 0u32..200, any::<u32>(), 8u32..20, 8u32..20, 1u32..12, 0u32..=20, 0u32..8);
    let source = prop::sample::select(vec!["GPU", "CPU", "NV"]);
    (prompt(), prompt(), sampler, schedule, numbers, source).prop_map(|(prompt, negative, sampler, schedule, numbers, source)| {
        let (steps, guidance, seed, width, height, clip, eta, unguided) = numbers;
        json!({
            "prompt": prompt, "negative_prompt": negative, "sampler_name": easel_imaging::infotext::sampler_label(sampler),
            "scheduler": schedule, "steps": steps, "cfg_scale": f64::from(guidance) / 8.0, "seed": seed, "width": width * 8,
            "height": height * 8, "eta": f64::from(eta) / 20.0, "s_min_uncond": f64::from(unguided) / 2.0,
            "override_settings": {"CLIP_stop_at_last_layers": clip, "randn_source": source},
        })
    })
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("an object") };
    object
}

#[test]
fn what_is_written_is_read_as_the_same_request() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (backend, _probe) = SimBackend::new(SimConfig::default());
    let engine = runtime.block_on(async {
        let engine = Engine::start(move || Ok(backend), EngineConfig::default());
        engine.ready().await.expect("the toy device comes up");
        engine
    });
    let model = engine.find_model(None).expect("a model");
    let options = Options::default();
    // Readers have settings of their own, which a text overrules.
    let others = Options { clip_stop: 7, ..Options::default() };
    let mut drawn: BTreeMap<&'static str, u32> = BTreeMap::new();
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) });
    let result = runner.run(&body(), |body| {
        let asked = Asked::text_to_image(object(body), &options, &engine).expect("everything in it can be asked for");
        prop_assert_eq!(asked.count, Count { batch: 1, rounds: 1 });
        // Some samplers have no such schedule: those are refused, and nothing is written.
        let Ok(planned) = plan(&asked.generation, &model, engine.limits(), 0) else { return Ok(()) };
        let text = infotext(&planned.resolved[0]).to_string();
        let body = object(json!({"infotext": text.clone()}));
        let again = Asked::text_to_image(body, &others, &engine).expect("what was written can be read");
        prop_assert_eq!(&again.generation, &expected(&asked.generation), "{}", text);
        prop_assert_eq!(Infotext::parse(&text).to_string(), text);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    // The cases above are not all refused.
    for listed in &samplers::LIST {
        let body = object(
            json!({"sampler_name": easel_imaging::infotext::sampler_label(listed.kind), "steps": 5, "width": 64, "height": 64}),
        );
        let asked = Asked::text_to_image(body, &options, &engine).expect("a sampler of the list");
        if plan(&asked.generation, &model, engine.limits(), 0).is_ok() {
            *drawn.entry(listed.kind.name()).or_default() += 1;
        }
    }
    assert_eq!(drawn.len(), samplers::LIST.len(), "{drawn:?}");
}

/// As it was asked for, with the whitespace at the ends of prompts gone, as in A1111.
fn expected(asked: &GenerationRequest) -> GenerationRequest {
    GenerationRequest {
        prompt: asked.prompt.trim().to_owned(),
        negative_prompt: asked.negative_prompt.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
        ..asked.clone()
    }
}

#[test]
fn a_second_pass_is_read_back_too() {
    let text = "a cat\nSteps: 4, Sampler: Euler, Schedule type: Uniform, CFG scale: 7, Seed: 5, Size: 64x128, Model: sim, \
                Denoising strength: 0.5, Hires upscale: 2, Hires steps: 10, Hires upscaler: Nearest, Hires prompt: \"a dog, a bird\", \
                Version: easel";
    let fields = Value::Object(reading::fields(&Infotext::parse(text)));
    for (field, value) in [
        ("enable_hr", json!(true)),
        ("hr_scale", json!(2)),
        ("hr_second_pass_steps", json!(10)),
        ("hr_upscaler", json!("Nearest")),
        ("hr_prompt", json!("a dog, a bird")),
        ("denoising_strength", json!(0.5)),
    ] {
        assert_eq!(fields[field], value, "{field}");
    }
}

#[test]
fn the_files_that_a_picture_wears_are_told_with_their_hashes() {
    let (mut backend, _probe) = SimBackend::new(SimConfig::default());
    let model = backend.describe_model(&"sim".into()).expect("the toy device has this model");
    let request = GenerationRequest::text_to_image("a cat, zork <lora:ink:1>");
    let planned = plan(&request, &model, &Limits::default(), 5).expect("it can be drawn");
    assert!(!infotext(&planned.resolved[0]).to_string().contains("hashes"), "nobody has looked yet");
    let file = |name: &str, hash: &str| (name.to_owned(), hash.to_owned());
    let loras = vec![file("ink", "0123456789ab"), file("style/a, b: c", "ba7816bf8f01")];
    planned.plans[0].handover.worn.tell(Worn { loras, words: vec![file("zork", "ffffffffffff")] });
    let text = infotext(&planned.resolved[0]).to_string();
    let told = "Lora hashes: \"ink: 0123456789ab, style/a b c: ba7816bf8f01\", TI hashes: \"zork: ffffffffffff\", Version";
    assert!(text.contains(told), "{text}");
    assert_eq!(Infotext::parse(&text).get("TI hashes"), Some("zork: ffffffffffff"));
}
