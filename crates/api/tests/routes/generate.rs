//! `POST /v1/images/generations`: what comes back, and what the engine was asked for.

use crate::common::{Answer, NOW, pretty, server, server_with, slow_server};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use easel_engine::{
    EngineConfig,
    sim::{SimConfig, picture},
};
use easel_imaging::{DecodeLimits, EncodeOptions, Format, Infotext, PARAMETERS, decode, encode, read_png_text};
use easel_types::{LoraUse, Rgb8};
use serde_json::json;

fn bytes(answer: &Answer, index: usize) -> Vec<u8> {
    let json = answer.json();
    STANDARD.decode(json["data"][index]["b64_json"].as_str().expect("base64")).expect("valid base64")
}

#[tokio::test]
async fn a_prompt_becomes_a_picture() {
    let server = server().await;
    let answer = server.generate(json!({"prompt": "a cat", "response_format": "b64_json", "seed": 7})).await;
    assert_eq!(answer.status, 200);
    let png = bytes(&answer, 0);
    let decoded = decode(&png, &DecodeLimits::default()).unwrap();
    assert_eq!((decoded.rgb, decoded.format), (picture(7, 128, 128), Format::Png));

    let mut json = answer.json();
    json["data"][0]["b64_json"] = json!("…");
    insta::assert_snapshot!(pretty(&json), @r#"
    {
      "background": "opaque",
      "created": 1790000000,
      "data": [
        {
          "b64_json": "…",
          "seed": 7
        }
      ],
      "output_format": "png",
      "size": "128x128"
    }
    "#);
    assert_eq!(json["created"], NOW);
    assert!(answer.header("openai-processing-ms").parse::<u64>().is_ok());
    assert!(answer.header("x-request-id").starts_with("req_"));
}

#[tokio::test]
async fn the_file_says_how_it_was_made() {
    let server = server().await;
    let body = json!({
        "prompt": "ein Kätzchen, 猫", "negative_prompt": "blurry\nugly", "response_format": "b64_json", "n": 2, "seed": 41,
        "sampler": "DPM++ 2M Karras", "steps": "3", "cfg_scale": 5.5, "size": "64x128", "clip_skip": 1,
    });
    let answer = server.generate(body).await;
    let text = read_png_text(&bytes(&answer, 1), PARAMETERS, &DecodeLimits::default()).unwrap().unwrap();
    insta::assert_snapshot!(text, @r"
    ein Kätzchen, 猫
    Negative prompt: blurry
    ugly
    Steps: 3, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 5.5, Seed: 42, Size: 64x128, Model hash: 0123456789, Model: sim, Clip skip: 2, RNG: CPU, Version: easel-0.1.0
    ");
    assert_eq!(Infotext::parse(&text).size("Size"), Some((64, 128)));
}

#[tokio::test]
async fn loras_are_worn_as_listed_and_told_as_tags() {
    let server = server().await;
    let loras = json!([{"name": "ink", "weight": "0.8"}, {"path": "style/oil", "scale": 1, "text_encoder_weight": 0.5}]);
    let answer = server.generate(json!({"prompt": "a cat <lora:pen:0.3>", "response_format": "b64_json", "loras": loras})).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let lora = |name: &str, weight, text_encoder_weight| LoraUse { name: name.to_owned(), weight, text_encoder_weight };
    let (worn, controls) = server.probe.adapters().pop().unwrap();
    assert_eq!((worn, controls.len()), (vec![lora("ink", 0.8, 0.8), lora("style/oil", 1.0, 0.5)], 0));
    let text = read_png_text(&bytes(&answer, 0), PARAMETERS, &DecodeLimits::default()).unwrap().unwrap();
    assert_eq!(text.lines().next(), Some("a cat <lora:pen:0.3> <lora:ink:0.8> <lora:style/oil:0.5:1>"));
    for (loras, code) in [
        (json!("ink"), "invalid_type"),
        (json!(["ink"]), "invalid_type"),
        (json!([{}]), "missing_required_parameter"),
        (json!([{"name": "ink", "weight": 101}]), "out_of_range"),
        (json!(vec![json!({"name": "ink"}); 33]), "out_of_range"),
    ] {
        let answer = server.generate(json!({"prompt": "a cat", "loras": loras})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, code), "{loras}");
        assert_eq!(answer.error()["param"], "loras");
    }
}

#[tokio::test]
async fn controlnets_look_at_pictures_that_come_along() {
    let server = server().await;
    // A white square on black, twice as wide as it is high.
    let pixels =
        (0..64 * 32_u32).flat_map(|at| [if (16..48).contains(&(at % 64)) && (8..24).contains(&(at / 64)) { 255 } else { 0 }; 3]);
    let picture = Rgb8::new(64, 32, pixels.collect()).unwrap();
    let url = format!("data:image/png;base64,{}", STANDARD.encode(encode(&picture, &EncodeOptions::new(Format::Png)).unwrap()));
    let controls = json!([
        {"model": "depths", "image": url, "weight": 0.5, "start": 0.1, "end": 0.9},
        {"model": "edges", "image": url, "preprocessor": "canny"},
    ]);
    let answer = server.generate(json!({"prompt": "a cat", "controlnet": controls})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["size"]), (200, &json!("184x88")), "{}", answer.json());
    let (_, seen) = server.probe.adapters().pop().unwrap();
    let [depths, edges] = &seen[..] else { panic!("{} ControlNets", seen.len()) };
    assert_eq!((depths.model.as_str(), depths.weight, depths.start, depths.end), ("depths", 0.5, 0.1, 0.9));
    assert_eq!((edges.weight, edges.start, edges.end), (1.0, 0.0, 1.0));
    let white =
        |picture: &Rgb8| picture.pixels().iter().filter(|value| **value > 200).count() as f64 / picture.pixels().len() as f64;
    assert_eq!((depths.image.width(), edges.image.height()), (184, 88));
    assert!((0.2..0.3).contains(&white(&depths.image)), "the picture as it is: {}", white(&depths.image));
    assert!((0.001..0.1).contains(&white(&edges.image)), "its edges: {}", white(&edges.image));
    let answer = server.generate(json!({"prompt": "a cat", "controlnet": [{"model": "edges", "image": "x"}]})).await;
    assert_eq!((answer.status.as_u16(), &answer.error()["param"]), (400, &json!("controlnet")));
}

#[tokio::test]
async fn parameters_can_be_kept_out_of_files() {
    let server = server_with(SimConfig::default(), EngineConfig::default(), |config| config.write_parameters = false).await;
    let answer = server.generate(json!({"prompt": "secret", "response_format": "b64_json"})).await;
    assert_eq!(read_png_text(&bytes(&answer, 0), PARAMETERS, &DecodeLimits::default()), Ok(None));
}

#[tokio::test]
async fn every_optional_field_may_be_null_and_unknown_ones_are_ignored() {
    let server = server().await;
    let mut body = json!({"prompt": "a cat", "something_else": {"x": [1]}, "": null});
    let fields = [
        "model",
        "n",
        "size",
        "quality",
        "style",
        "response_format",
        "background",
        "output_format",
        "output_compression",
        "moderation",
        "stream",
        "partial_images",
        "user",
        "negative_prompt",
        "num_inference_steps",
        "steps",
        "step",
        "guidance_scale",
        "cfg_scale",
        "guidance_rescale",
        "width",
        "height",
        "sampler",
        "schedule",
        "scheduler",
        "clip_skip",
        "strength",
        "eta",
        "seed",
        "progress",
    ];
    for field in fields {
        body[field] = json!(null);
    }
    let answer = server.generate(body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert!(answer.json()["data"][0]["url"].is_string());
}

#[tokio::test]
async fn what_real_clients_send_is_taken() {
    let server = server().await;
    let bodies = [
        // Open WebUI.
        json!({"model": "dall-e-3", "prompt": "a cat", "n": 1, "size": "512x512", "response_format": "b64_json"}),
        // The Python SDK with everything.
        json!({
            "prompt": "a cat", "model": "gpt-image-1", "n": 2, "size": "auto", "quality": "high", "style": "vivid", "user": "u-1",
            "background": "opaque", "moderation": "low", "output_format": "webp", "output_compression": 80,
        }),
        // vLLM-Omni, SGLang, Together.
        json!({"prompt": "a cat", "num_inference_steps": 3, "guidance_scale": 1, "true_cfg_scale": 4.0, "seed": "5", "vae_use_tiling": true}),
        json!({"prompt": "a cat", "diffusers_kwargs": {}, "generator_device": "cpu", "seed": 1024}),
        json!({"prompt": "a cat", "steps": 2, "width": 64, "height": 64, "size": "512x512", "response_format": "base64"}),
        json!({"prompt": "a cat", "image_url": null, "ref_images": [], "file": "", "disable_safety_checker": true}),
        // stable-diffusion.cpp.
        json!({"prompt": "a cat <sd_cpp_extra_args>{\"sample_params\": {\"sample_steps\": 2}}</sd_cpp_extra_args>", "n": 1}),
        // A1111's habits.
        json!({"prompt": "a cat", "background": "auto", "strength": 1, "moderation": "auto"}),
        json!({"prompt": "a cat", "seed": -1, "scheduler": "Automatic", "sampler_name": "Euler a"}),
        json!({"prompt": "", "n": "1", "stream": "false", "steps": 20.0}),
    ];
    for body in bodies {
        let answer = server.generate(body.clone()).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.json());
    }
}

#[tokio::test]
async fn guidance_and_noise_go_by_the_names_of_other_servers() {
    let server = server().await;
    for (more, guidance, from_cpu) in [
        (json!({}), "CFG scale: 7,", true),
        (json!({"true_cfg_scale": 4.5}), "CFG scale: 4.5,", true),
        (json!({"guidance_scale": 3, "true_cfg_scale": 4.5}), "CFG scale: 3,", true),
        (json!({"generator_device": "cpu"}), "CFG scale: 7,", true),
        (json!({"generator_device": "cuda"}), "CFG scale: 7,", false),
        (json!({"generator_device": "cuda:1", "cfg_scale": 2}), "CFG scale: 2,", false),
    ] {
        let mut body = more.clone();
        (body["prompt"], body["response_format"]) = (json!("a cat"), json!("b64_json"));
        let answer = server.generate(body).await;
        let text = read_png_text(&bytes(&answer, 0), PARAMETERS, &DecodeLimits::default()).unwrap().unwrap();
        assert_eq!((text.contains(guidance), text.contains("RNG: CPU")), (true, from_cpu), "{more}: {text}");
    }
    let answer = server.generate(json!({"prompt": "a cat", "generator_device": 1})).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_type"));
}

#[tokio::test]
async fn formats_and_quality_are_as_asked_for() {
    let server = server().await;
    for (name, format) in [("png", Format::Png), ("jpeg", Format::Jpeg), ("jpg", Format::Jpeg), ("webp", Format::Webp)] {
        let body = json!({"prompt": "a cat", "output_format": name, "response_format": "b64_json"});
        let answer = server.generate(body).await;
        assert_eq!(decode(&bytes(&answer, 0), &DecodeLimits::default()).unwrap().format, format);
        assert_eq!(answer.json()["output_format"], format.name());
    }
    for format in ["jpeg", "webp"] {
        let size = |quality: u8| {
            let body =
                json!({"prompt": "a cat", "output_format": format, "output_compression": quality, "response_format": "b64_json"});
            let server = &server;
            async move { bytes(&server.generate(body).await, 0).len() }
        };
        assert!(size(0).await < size(90).await, "{format}");
    }
    let answer = server.generate(json!({"prompt": "a cat", "quality": "medium"})).await;
    assert_eq!(answer.json()["quality"], "medium");
}

#[tokio::test]
async fn width_and_height_win_over_size_and_auto_is_the_models_own() {
    let server = server().await;
    for (body, size) in [
        (json!({"prompt": "x", "size": "auto"}), "128x128"),
        (json!({"prompt": "x", "size": "64X192"}), "64x192"),
        (json!({"prompt": "x", "size": "64x192", "width": 256}), "256x192"),
        (json!({"prompt": "x", "height": "64"}), "128x64"),
    ] {
        assert_eq!(server.generate(body).await.json()["size"], size);
    }
}

#[tokio::test]
async fn openais_model_names_stand_for_the_default_and_others_are_not_found() {
    let sim = SimConfig { models: vec!["sim".into(), "org/other".into(), "dall-e-2".into()], ..SimConfig::default() };
    let server = server_with(sim, EngineConfig::default(), |_| {}).await;
    for model in
        ["", "auto", "dall-e-3", "gpt-image-1", "gpt-image-2-2026-04-21", "chatgpt-image-latest", "org/other", "dall-e-2"]
    {
        let answer = server.generate(json!({"prompt": "x", "model": model})).await;
        assert_eq!(answer.status, 200, "{model}");
        let base64_only = model.contains("gpt");
        assert_eq!(answer.json()["data"][0]["b64_json"].is_string(), base64_only, "{model}");
    }
    let answer = server.generate(json!({"prompt": "x", "model": "gpt-image-1", "response_format": "url"})).await;
    assert!(answer.json()["data"][0]["b64_json"].is_string(), "these models always answer in base64");

    let answer = server.generate(json!({"prompt": "x", "model": "org/none"})).await;
    assert_eq!(answer.status, 404);
    insta::assert_snapshot!(pretty(&answer.json()), @r#"
    {
      "error": {
        "code": "model_not_found",
        "message": "The model `org/none` does not exist; GET /v1/models lists those that do",
        "param": "model",
        "type": "invalid_request_error"
      }
    }
    "#);
}

#[tokio::test]
async fn a_stream_ends_with_one_completed_event_a_picture() {
    let server = server().await;
    let answer = server.generate(json!({"prompt": "a cat", "stream": true, "n": 2, "seed": 5, "partial_images": 0})).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/event-stream"));
    let text = String::from_utf8(answer.bytes).unwrap();
    let frames: Vec<_> = text.split("\n\n").filter(|frame| !frame.is_empty()).collect();
    assert_eq!(frames.len(), 2, "{frames:?}");
    for (frame, seed) in frames.iter().zip([5, 6]) {
        let (event, data) = frame.split_once('\n').unwrap();
        assert_eq!(event, "event: image_generation.completed");
        let mut data: serde_json::Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        let file = STANDARD.decode(data["b64_json"].as_str().unwrap()).unwrap();
        assert_eq!(decode(&file, &DecodeLimits::default()).unwrap().rgb, picture(seed, 128, 128));
        data["b64_json"] = json!("…");
        assert_eq!(
            data,
            json!({
                "type": "image_generation.completed", "b64_json": "…", "created_at": NOW, "seed": seed,
                "background": "opaque", "output_format": "png", "quality": "auto", "size": "128x128",
            })
        );
    }
}

#[tokio::test]
async fn a_stream_shows_every_picture_before_it_is_finished_if_asked_to() {
    let server = slow_server().await;
    for (partial, steps, expected) in [(1, 4, 1), (3, 12, 3), (2, 7, 2), (3, 2, 1)] {
        let body = json!({"prompt": "a cat", "stream": true, "n": 2, "steps": steps, "partial_images": partial});
        let answer = server.generate(body).await;
        let text = String::from_utf8(answer.bytes).unwrap();
        let count = |name: &str| text.matches(&format!("event: {name}\n")).count();
        let found = (count("image_generation.partial_image"), count("image_generation.completed"));
        assert_eq!(found, (2 * expected, 2), "{partial} of {steps} steps");
    }
}

#[tokio::test]
async fn a_stream_tells_progress_if_asked_to() {
    let server = server().await;
    let answer = server.generate(json!({"prompt": "a cat", "stream": true, "progress": true})).await;
    let text = String::from_utf8(answer.bytes).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = data.map(|data| serde_json::from_str::<serde_json::Value>(data).unwrap());
    let words: Vec<_> =
        events.map(|event| format!("{} {} {}/{}", event["type"], event["state"], event["index"], event["total"])).collect();
    insta::assert_snapshot!(words.join("\n"), @r#"
    "easel.progress" "queued" 0/0
    "easel.progress" "started" 0/0
    "easel.progress" "step" 1/4
    "easel.progress" "step" 2/4
    "easel.progress" "preview" 0/0
    "easel.progress" "step" 3/4
    "easel.progress" "step" 4/4
    "easel.progress" "decoded" 1/1
    "image_generation.completed" null null/null
    "#);
}
