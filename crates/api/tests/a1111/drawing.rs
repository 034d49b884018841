//! Text to image: what is asked for is drawn as A1111 would, told as A1111 tells it, stored and paid.

use easel_platform::records::Role;
use easel_testing::on_both_engines;
use serde_json::{Value, json};

use crate::{
    common::native::{native, native_with},
    support::{TXT2IMG, files, info, pictures, text},
};

/// What webuiapi sends when it is told a prompt and a size.
const WEBUIAPI: &str = r#"{
    "enable_hr": false, "hr_scale": 2, "hr_upscaler": "Latent", "hr_second_pass_steps": 0, "hr_resize_x": 0, "hr_resize_y": 0,
    "hr_checkpoint_name": null, "hr_sampler_name": null, "hr_scheduler": null, "hr_prompt": "", "hr_negative_prompt": "",
    "denoising_strength": 0.7, "firstphase_width": 0, "firstphase_height": 0, "prompt": "a cat", "styles": [], "seed": -1,
    "subseed": -1, "subseed_strength": 0.0, "seed_resize_from_h": 0, "seed_resize_from_w": 0, "batch_size": 1, "n_iter": 1,
    "steps": 4, "cfg_scale": 7.0, "width": 64, "height": 64, "restore_faces": false, "tiling": false,
    "do_not_save_samples": false, "do_not_save_grid": false, "negative_prompt": "", "eta": 1.0, "s_churn": 0, "s_tmax": 0,
    "s_tmin": 0, "s_noise": 1, "override_settings": {}, "override_settings_restore_afterwards": true,
    "sampler_name": "Euler a", "scheduler": "automatic", "sampler_index": "Euler a", "script_name": null, "script_args": [],
    "send_images": true, "save_images": false, "alwayson_scripts": {"ADetailer": {"args": [false]}, "ControlNet": {"args": []}}
}"#;

on_both_engines! {
    async fn pictures_are_drawn_told_stored_and_paid(database: &Database) {
        let native = native(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let body = json!({
            "prompt": "a red circle", "negative_prompt": "blue", "sampler_name": "DPM++ 2M Karras", "steps": 6, "cfg_scale": 7.5,
            "width": 128, "height": 64, "seed": 40, "batch_size": 2, "n_iter": 2,
            "override_settings": {"CLIP_stop_at_last_layers": 2, "randn_source": "CPU"},
        });
        let answer = native.ok(TXT2IMG, &token, body.clone()).await;
        assert_eq!(answer["parameters"], body);
        let drawn = files(&answer);
        assert_eq!(drawn.len(), 4);
        assert!(pictures(&answer).iter().all(|picture| (picture.width(), picture.height()) == (128, 64)));
        let info = info(&answer);
        assert_eq!((&info["seed"], &info["all_seeds"]), (&json!(40), &json!([40, 41, 42, 43])));
        assert_eq!((&info["sampler_name"], &info["clip_skip"], &info["batch_size"]), (&json!("DPM++ 2M"), &json!(2), &json!(2)));
        assert_eq!((&info["width"], &info["height"], &info["index_of_first_image"]), (&json!(128), &json!(64), &json!(0)));
        let version = info["version"].as_str().ok_or("a version")?;
        for (index, file) in drawn.iter().enumerate() {
            let expected = format!(
                "a red circle\nNegative prompt: blue\nSteps: 6, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: {}, \
                 Size: 128x64, Model hash: 0123456789, Model: sim, Clip skip: 2, RNG: CPU, Version: {version}",
                40 + index
            );
            assert_eq!((text(file), info["infotexts"][index].as_str()), (expected.clone(), Some(expected.as_str())));
        }
        assert_eq!(native.balance(&ada).await?, (96, 0));
        let stored = native.read("/api/v1/images", &token).await;
        assert_eq!(stored["data"].as_array().map(Vec::len), Some(4));
        native.assert_clean().await?;
    }

    async fn a_second_pass_enlarges_and_draws_over(database: &Database) {
        let native = native(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let body = json!({
            "prompt": "a red circle", "steps": 4, "width": 64, "height": 128, "seed": 7, "batch_size": 2, "enable_hr": true,
            "hr_scale": 2, "hr_upscaler": "Latent", "hr_second_pass_steps": 10, "denoising_strength": 0.5, "sampler_name": "Euler a",
        });
        let answer = native.ok(TXT2IMG, &token, body).await;
        assert!(pictures(&answer).iter().all(|picture| (picture.width(), picture.height()) == (128, 256)));
        let told = text(&files(&answer)[1]);
        let expected = "Seed: 8, Size: 64x128, Model hash: 0123456789, Model: sim, Denoising strength: 0.5, Hires upscale: 2, Hires steps: 10, \
                        Hires upscaler: Latent, Version";
        assert!(told.contains(expected), "{told}");
        // Of each picture four steps of the first pass, then all ten of the second, as in A1111.
        let steps: usize = native.probe.calls().iter().filter(|call| call.starts_with("step")).map(|call| call.matches('@').count()).sum();
        assert_eq!(steps, 2 * (4 + 10));
        assert_eq!((&info(&answer)["denoising_strength"], &info(&answer)["all_seeds"]), (&json!(0.5), &json!([7, 8])));
        assert_eq!(native.balance(&ada).await?, (98, 0), "two pictures, not four");
        native.assert_clean().await?;
    }

    async fn what_is_said_of_noise_is_told_and_read_back(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let body = json!({
            "prompt": "a red circle", "steps": 4, "width": 64, "height": 64, "seed": 7, "n_iter": 2, "sampler_name": "Euler", "subseed": 40,
            "subseed_strength": 0.25, "seed_resize_from_w": 128, "seed_resize_from_h": 64, "s_churn": 2.5, "s_tmax": 9, "s_noise": 1.01,
            "s_min_uncond": 3,
            "override_settings": {"eta_noise_seed_delta": 31337, "always_discard_next_to_last_sigma": true, "s_min_uncond_all": true},
        });
        let answer = native.ok(TXT2IMG, &token, body).await;
        let told = text(&files(&answer)[1]);
        for expected in [
            "Seed: 7, Size: 64x64", "Variation seed: 41, Variation seed strength: 0.25, Seed resize from: 128x64, ENSD: 31337",
            "Sigma churn: 2.5, Sigma tmax: 9, Sigma noise: 1.01, NGMS: 3, NGMS all steps: True, Discard penultimate sigma: True, Version",
        ] {
            assert!(told.contains(expected), "{told}");
        }
        let said = info(&answer);
        assert_eq!((&said["all_seeds"], &said["all_subseeds"]), (&json!([7, 7]), &json!([40, 41])));
        assert_eq!((&said["subseed_strength"], &said["seed_resize_from_w"]), (&json!(0.25), &json!(128)));
        let again = native.ok(TXT2IMG, &token, json!({"infotext": told})).await;
        assert_eq!(text(&files(&again)[0]), told, "the same again");
    }

    async fn older_clients_say_the_size_of_the_first_pass(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let body = json!({
            "prompt": "x", "steps": 2, "width": 192, "height": 192, "firstphase_width": 64, "firstphase_height": 64, "enable_hr": true,
        });
        let answer = native.ok(TXT2IMG, &token, body).await;
        assert_eq!(pictures(&answer)[0].width(), 192);
        assert!(text(&files(&answer)[0]).contains("Size: 64x64, Model hash: 0123456789, Model: sim, Denoising strength: 0.75, Hires resize: 192x192"));
    }

    async fn what_is_refused_is_named_and_costs_nothing(database: &Database) {
        let native = native(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let cases = [
            (json!({"steps": 0}), 422, "num_inference_steps"),
            (json!({"steps": "many"}), 422, "steps"),
            (json!({"width": 100}), 422, "width"),
            (json!({"batch_size": 11}), 422, "batch_size"),
            (json!({"batch_size": 4, "n_iter": 3}), 422, "batch_size"),
            (json!({"scheduler": "karas"}), 422, "scheduler"),
            (json!({"tiling": true}), 422, "tiling"),
            (json!({"subseed_strength": 1.5}), 422, "subseed_strength"),
            (json!({"override_settings": {"sd_vae": "other.pt"}}), 422, "sd_vae"),
            (json!({"override_settings": {"token_merging_ratio": 0.5}}), 422, "token_merging_ratio"),
            (json!({"enable_hr": true, "hr_upscaler": "R-ESRGAN 4x+"}), 422, "hr_upscaler"),
            (json!({"enable_hr": true, "hr_scale": 8, "width": 1024, "height": 1024}), 422, "width"),
            (json!({"enable_hr": true, "denoising_strength": 2}), 422, "strength"),
        ];
        for (body, status, field) in cases {
            let answer = native.post(TXT2IMG, &token, body.clone()).await;
            let said = answer.json();
            assert_eq!((answer.status.as_u16(), &said["detail"][0]["loc"]), (status, &json!(["body", field])), "{body}: {said}");
            assert!(said["detail"][0]["msg"].is_string() && said["code"].is_string(), "{said}");
        }
        for (body, status, detail) in [
            (json!({"sampler_name": "Eular"}), 404, "Sampler not found"),
            (json!({"script_name": "x/y/z plot"}), 422, "Script 'x/y/z plot' not found"),
        ] {
            let answer = native.post(TXT2IMG, &token, body.clone()).await;
            let said = answer.json();
            assert_eq!((answer.status.as_u16(), &said["detail"], &said["error"]), (status, &json!(detail), &json!("HTTPException")));
            assert_eq!((&said["body"], said["errors"].is_string()), (&json!(""), true));
        }
        let missing = json!({"override_settings": {"sd_model_checkpoint": "nowhere.safetensors"}});
        assert_eq!(native.post(TXT2IMG, &token, missing).await.status, 404);
        assert_eq!(native.balance(&ada).await?, (100, 0));
        assert_eq!(native.probe.slots(), 0);
        native.assert_clean().await?;
    }

    async fn everything_webuiapi_sends_is_understood(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let body = serde_json::from_str(WEBUIAPI)?;
        let answer = native.ok(TXT2IMG, &token, body).await;
        assert_eq!(info(&answer)["seed"], 1000, "the seed that was drawn is told");
        let told = text(&files(&answer)[0]);
        assert!(told.starts_with("a cat\nSteps: 4, Sampler: Euler a, Schedule type: Uniform, CFG scale: 7, Seed: 1000, "), "{told}");
        assert!(!told.contains("Eta") && !told.contains("RNG"), "{told}");
    }

    async fn tags_do_nothing_where_a_request_says_so(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let body = json!({
            "prompt": "a cat<lora:ink:0.8>, sitting", "steps": 2, "width": 64, "height": 64, "disable_extra_networks": true, "enable_hr": true,
            "hr_upscaler": "Lanczos", "hr_prompt": "<lora:pen:1>a dog", "denoising_strength": 0.5,
        });
        let answer = native.ok(TXT2IMG, &token, body.clone()).await;
        assert_eq!((&answer["parameters"], &info(&answer)["prompt"]), (&body, &json!("a cat, sitting")));
        assert!(text(&files(&answer)[0]).starts_with("a cat, sitting\n"));
    }

    async fn comments_in_prompts_are_taken_out_unless_a_setting_keeps_them(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let mut body = json!({
            "prompt": "a cat # a big one\n# no: a dog\nsitting", "negative_prompt": "# nothing", "steps": 2, "width": 64, "height": 64,
        });
        let told = text(&files(&native.ok(TXT2IMG, &token, body.clone()).await)[0]);
        assert!(told.starts_with("a cat\nsitting\nSteps: 2, "), "{told}");
        body["override_settings"] = json!({"enable_prompt_comments": false});
        let told = text(&files(&native.ok(TXT2IMG, &token, body).await)[0]);
        assert!(told.starts_with("a cat # a big one\n# no: a dog\nsitting\nNegative prompt: # nothing\nSteps: 2, "), "{told}");
    }

    async fn a_text_fills_what_a_request_does_not_say(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let first = json!({"prompt": "a cat", "steps": 3, "width": 64, "height": 64, "seed": 5, "sampler_name": "LMS"});
        let told = text(&files(&native.ok(TXT2IMG, &token, first).await)[0]);
        let again = native.ok(TXT2IMG, &token, json!({"infotext": told})).await;
        assert_eq!(text(&files(&again)[0]), told);
        let other = native.ok(TXT2IMG, &token, json!({"infotext": told, "seed": 6})).await;
        assert_eq!(text(&files(&other)[0]), told.replace("Seed: 5", "Seed: 6"));
    }

    async fn styles_are_around_the_prompt(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let style = native.read("/sdapi/v1/prompt-styles", &token).await[0].clone();
        let (name, says) = (style["name"].as_str().ok_or("a name")?, style["prompt"].as_str().ok_or("a prompt")?);
        let body = json!({"prompt": "a lighthouse", "steps": 2, "width": 64, "height": 64, "styles": [name]});
        let answer = native.ok(TXT2IMG, &token, body).await;
        assert_eq!(info(&answer)["styles"], json!([name]));
        let (before, after) = says.split_once("{prompt}").ok_or("a place for the words")?;
        let told = text(&files(&answer)[0]);
        assert!(told.contains("a lighthouse") && told.lines().next().is_some_and(|line| line.len() > 12), "{told}");
        assert!(before.len() + after.len() > 0);
        let unknown = json!({"prompt": "x", "steps": 2, "width": 64, "height": 64, "styles": ["no such style"]});
        let refused = native.post(TXT2IMG, &token, unknown).await;
        assert!(refused.status.is_client_error() && refused.json()["code"] == "style_not_found", "{}", refused.json());
    }

    async fn formats_and_answers_without_pictures(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let body = |format: &str, send: bool| {
            json!({"prompt": "a cat", "steps": 2, "width": 64, "height": 64, "send_images": send, "override_settings": {"samples_format": format}})
        };
        for (format, magic) in [("png", &b"\x89PNG"[..]), ("jpg", b"\xff\xd8\xff"), ("webp", b"RIFF")] {
            let answer = native.ok(TXT2IMG, &token, body(format, true)).await;
            assert!(files(&answer)[0].starts_with(magic), "{format}");
            let read = native.ok("/sdapi/v1/png-info", &token, json!({"image": answer["images"][0]})).await;
            assert_eq!(read["info"], info(&answer)["infotexts"][0], "{format}");
        }
        let answer = native.ok(TXT2IMG, &token, body("png", false)).await;
        assert_eq!((&answer["images"], info(&answer)["all_seeds"].as_array().map(Vec::len)), (&json!([]), Some(1)));
    }

    async fn a_failing_device_costs_nothing(database: &Database) {
        use easel_engine::sim::{Call, Fault, SimConfig};
        let sim = SimConfig { poison: vec![(43, Call::Step, Fault::NonFinite)], ..SimConfig::default() };
        let native = native_with(database, sim).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let body = json!({"prompt": "x", "steps": 2, "width": 64, "height": 64, "seed": 42, "n_iter": 2});
        let answer = native.post(TXT2IMG, &token, body).await;
        let said: Value = answer.json();
        assert_eq!((answer.status.as_u16(), &said["code"]), (500, &json!("non_finite")), "{said}");
        assert_eq!(native.balance(&ada).await?, (100, 0));
        native.assert_clean().await?;
    }
}
