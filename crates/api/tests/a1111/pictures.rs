//! Image to image: starts of any size, masks, and what is put back where.

use easel_platform::records::Role;
use easel_testing::on_both_engines;
use easel_types::{ControlBalance, Task};
use serde_json::{Value, json};

use crate::{
    common::native::native,
    support::{IMG2IMG, TXT2IMG, data_url, even, files, info, pictures, right_of, text},
};

const GREY: [u8; 3] = [90, 90, 90];

fn body(start: &str, more: Value) -> Value {
    let mut body = json!({"init_images": [start], "prompt": "a cat", "steps": 4, "width": 64, "height": 64, "seed": 9});
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

fn row(picture: &easel_types::Rgb8) -> Vec<[u8; 3]> {
    picture.pixels().chunks(3).take(picture.width() as usize).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

on_both_engines! {
    async fn a_picture_is_drawn_over_at_the_size_asked_for(database: &Database) {
        let native = native(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let start = data_url(&even(96, 48, GREY));
        for resize_mode in [0, 1, 2, 3] {
            let answer = native.ok(IMG2IMG, &token, body(&start, json!({"resize_mode": resize_mode, "denoising_strength": 0.5}))).await;
            let picture = &pictures(&answer)[0];
            assert_eq!((picture.width(), picture.height()), (64, 64), "{resize_mode}");
            assert_eq!((&answer["parameters"]["init_images"], &info(&answer)["denoising_strength"]), (&json!(null), &json!(0.5)));
            assert!(text(&files(&answer)[0]).contains("Model: sim, Denoising strength: 0.5"));
        }
        assert_eq!(native.probe.resized(), [None, None, None, Some((96, 48))], "the last one's latents are resized");
        let bare = start.split_once(',').ok_or("a data URL")?.1.to_owned();
        let answer = native.ok(IMG2IMG, &token, body(&bare, json!({"include_init_images": true}))).await;
        assert_eq!(answer["parameters"]["init_images"][0], bare.as_str());
        assert_eq!(native.balance(&ada).await?, (95, 0));
        native.assert_clean().await?;
    }

    async fn latents_are_resized_as_whole_ones_and_not_where_a_mask_alone_is_drawn(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let start = data_url(&even(101, 70, GREY));
        native.ok(IMG2IMG, &token, body(&start, json!({"resize_mode": 3}))).await;
        let mask = data_url(&right_of(60, 101, 70));
        native.ok(IMG2IMG, &token, body(&start, json!({"resize_mode": 3, "mask": mask}))).await;
        let black = data_url(&even(101, 70, [0; 3]));
        native.ok(IMG2IMG, &token, body(&start, json!({"resize_mode": 3, "mask": black}))).await;
        assert_eq!(native.probe.resized(), [Some((96, 64)), None, Some((96, 64))]);
    }

    async fn each_picture_of_a_round_starts_from_its_own(database: &Database) {
        let native = native(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let other = [10, 20, 30];
        let starts = [data_url(&even(64, 64, GREY)), data_url(&even(32, 64, other))];
        let answer = native.ok(IMG2IMG, &token, body("", json!({"init_images": starts, "batch_size": 3, "n_iter": 2}))).await;
        let said = info(&answer);
        assert_eq!((files(&answer).len(), &said["all_seeds"], &said["batch_size"]), (4, &json!([9, 10, 11, 12]), &json!(2)));
        let first = |task: Task| match task {
            Task::ImageToImage { image, .. } => image.pixels()[0],
            other => panic!("{other:?}"),
        };
        assert_eq!(native.probe.tasks().into_iter().map(first).collect::<Vec<_>>(), [GREY[0], other[0], GREY[0], other[0]]);
        assert_eq!(native.probe.seeds(), [9, 10, 11, 12]);
        // Each is put back into its own.
        let more = json!({
            "init_images": starts, "batch_size": 2, "mask": data_url(&right_of(32, 64, 64)), "mask_blur": 0, "inpaint_full_res": false,
        });
        let answer = native.ok(IMG2IMG, &token, body("", more)).await;
        assert_eq!(pictures(&answer).iter().map(|picture| row(picture)[0]).collect::<Vec<_>>(), [GREY, other]);
        assert_eq!(native.balance(&ada).await?, (94, 0));
        native.assert_clean().await?;
    }

    async fn only_the_masked_part_changes(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let start = data_url(&even(128, 128, GREY));
        let mask = data_url(&right_of(96, 128, 128));
        for only_masked in [true, false] {
            for fill in [0, 1, 2, 3] {
                let more = json!({
                    "mask": mask, "mask_blur": 0, "inpaint_full_res": only_masked, "inpainting_fill": fill, "width": 128, "height": 128,
                    "inpaint_full_res_padding": 16,
                });
                let answer = native.ok(IMG2IMG, &token, body(&start, more)).await;
                let pixels = row(&pictures(&answer)[0]);
                assert!(pixels[..96].iter().all(|pixel| *pixel == GREY), "kept: {only_masked} {fill}");
                assert!(pixels[96..].iter().any(|pixel| *pixel != GREY), "repainted: {only_masked} {fill}");
            }
        }
        let more = json!({"mask": mask, "mask_blur": 0, "inpaint_full_res": false, "inpainting_mask_invert": 1, "width": 128, "height": 128});
        let pixels = row(&pictures(&native.ok(IMG2IMG, &token, body(&start, more)).await)[0]);
        assert!(pixels[96..].iter().all(|pixel| *pixel == GREY) && pixels[..96].iter().any(|pixel| *pixel != GREY), "inverted");
    }

    async fn a_large_picture_keeps_its_size_where_only_a_part_is_drawn(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let start = data_url(&even(320, 200, GREY));
        let more = json!({"mask": data_url(&right_of(300, 320, 200)), "mask_blur": 4, "inpaint_full_res_padding": 8});
        let answer = native.ok(IMG2IMG, &token, body(&start, more)).await;
        let picture = &pictures(&answer)[0];
        assert_eq!((picture.width(), picture.height()), (320, 200));
        let pixels = row(picture);
        assert!(pixels[..280].iter().all(|pixel| *pixel == GREY), "far from the mask");
        let told = text(&files(&answer)[0]);
        assert!(told.contains("Mask blur: 4, Inpaint area: Only masked, Masked area padding: 8, Version"), "{told}");
        assert_eq!(info(&answer)["extra_generation_params"]["Inpaint area"], "Only masked");
    }

    async fn a_black_mask_is_none(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let start = data_url(&even(64, 64, GREY));
        let whole = native.ok(IMG2IMG, &token, body(&start, json!({}))).await;
        let masked = native.ok(IMG2IMG, &token, body(&start, json!({"mask": data_url(&even(64, 64, [0; 3]))}))).await;
        assert_eq!(pictures(&whole), pictures(&masked));
    }

    async fn what_cannot_be_read_or_done_is_named(database: &Database) {
        let native = native(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let start = data_url(&even(64, 64, GREY));
        for missing in [json!({"init_images": []}), json!({"init_images": null}), json!({"init_images": [""]})] {
            let answer = native.post(IMG2IMG, &token, missing).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["detail"]), (404, &json!("Init image not found")));
        }
        let cases = [
            (body("not base64!", json!({})), "init_images"),
            (body("aGVsbG8=", json!({})), "init_images"),
            (body("https://example.org/cat.png", json!({})), "url"),
            (body(&start, json!({"mask": "aGVsbG8="})), "mask"),
            (body(&start, json!({"init_images": [start, start]})), "init_images"),
            (body(&start, json!({"resize_mode": 4})), "resize_mode"),
            (body(&start, json!({"resize_mode": 3, "mask": start, "inpaint_full_res": false})), "resize_mode"),
            (body(&data_url(&even(7, 64, GREY)), json!({"resize_mode": 3})), "init_images"),
            (body(&start, json!({"inpainting_fill": 4})), "inpainting_fill"),
            (body(&start, json!({"denoising_strength": 1.5})), "strength"),
            (body(&start, json!({"initial_noise_multiplier": 11})), "initial_noise_multiplier"),
        ];
        for (body, field) in cases {
            let answer = native.post(IMG2IMG, &token, body).await;
            let said = answer.json();
            assert_eq!((answer.status.as_u16(), &said["detail"][0]["loc"][1]), (422, &json!(field)), "{said}");
        }
        assert_eq!(native.balance(&ada).await?, (100, 0));
    }

    async fn a_control_net_sees_what_was_sent(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let unit = json!({"model": "edges [0123abcd]", "image": data_url(&right_of(32, 96, 64)), "module": "canny", "weight": 0.5, "guidance_end": 0.8});
        let body = json!({
            "prompt": "a cat", "steps": 2, "width": 64, "height": 64, "alwayson_scripts": {"ControlNet": {"args": [unit]}},
        });
        let answer = native.ok(TXT2IMG, &token, body).await;
        assert_eq!(answer["parameters"]["alwayson_scripts"], json!({}), "pictures are not sent back");
        let told = "ControlNet 0: \"Module: canny, Model: edges, Weight: 0.5, Resize Mode: Just Resize, Threshold A: 100, Threshold B: 200, ";
        assert!(text(&files(&answer)[0]).contains(told), "{}", text(&files(&answer)[0]));
        assert!(info(&answer)["extra_generation_params"]["ControlNet 0"].is_string());
        let seen = native.probe.adapters();
        let controls = &seen.last().ok_or("a request")?.1;
        assert_eq!((controls.len(), controls[0].model.as_str(), controls[0].weight, controls[0].end), (1, "edges", 0.5, 0.8));
        assert_eq!((controls[0].image.width(), controls[0].image.height()), (64, 64));
        let white = controls[0].image.pixels().iter().filter(|value| **value == 255).count();
        assert!(white > 0 && white < 64 * 64, "edges and nothing else: {white}");
        let detected = native.ok("/controlnet/detect", &token, json!({"controlnet_module": "canny", "controlnet_images": [data_url(&right_of(32, 96, 64))]})).await;
        assert_eq!((detected["info"].as_str(), pictures(&detected)[0].width()), (Some("Success"), 96));
    }

    async fn several_units_look_each_in_their_share_and_their_pass(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let unit = |model: &str, more: Value| {
            let mut unit = json!({"model": model, "image": data_url(&even(64, 64, GREY))});
            unit.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            unit
        };
        let units = [
            unit("edges", json!({"weight": 0.75, "guidance_start": 0.25, "guidance_end": 0.5, "module": "canny"})),
            unit("off", json!({"enabled": false})),
            unit("depth", json!({"guidance_start": 0.5, "hr_option": "Low res only", "control_mode": "My prompt is more important"})),
            unit("pose", json!({"weight": 2, "hr_option": "High res only", "control_mode": 2})),
        ];
        let body = json!({
            "prompt": "a cat", "steps": 4, "width": 64, "height": 64, "enable_hr": true, "hr_scale": 2, "hr_upscaler": "Lanczos",
            "denoising_strength": 0.5, "alwayson_scripts": {"ControlNet": {"args": units}},
        });
        native.ok(TXT2IMG, &token, body).await;
        let seen = native.probe.adapters();
        let worn: Vec<Vec<_>> = seen
            .iter()
            .map(|(_, controls)| controls.iter().map(|one| (one.model.as_str(), one.weight, one.start, one.end, one.image.width())).collect())
            .collect();
        assert_eq!(worn, [
            vec![("edges", 0.75, 0.25, 0.5, 64), ("depth", 1.0, 0.5, 1.0, 64)],
            vec![("edges", 0.75, 0.25, 0.5, 128), ("pose", 2.0, 0.0, 1.0, 128)],
        ]);
        let balances: Vec<Vec<_>> = seen.iter().map(|(_, controls)| controls.iter().map(|one| one.balance).collect()).collect();
        assert_eq!(balances, [
            vec![ControlBalance::Balanced, ControlBalance::Prompt],
            // Edges are softer in a second pass, as the extension has it.
            vec![ControlBalance::Prompt, ControlBalance::Control],
        ]);
    }
}
