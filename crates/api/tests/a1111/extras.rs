//! Pictures that are sent to be enlarged or read.

use base64::{Engine, prelude::BASE64_STANDARD};
use easel_imaging::{EncodeOptions, Format, encode};
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use serde_json::{Value, json};

use crate::{
    common::native::native,
    support::{data_url, even, pictures, right_of},
};

const SINGLE: &str = "/sdapi/v1/extra-single-image";
const INFO: &str = "/sdapi/v1/png-info";

fn one(answer: &Value) -> easel_types::Rgb8 {
    pictures(&json!({"images": [answer["image"]]})).remove(0)
}

on_both_engines! {
    async fn a_picture_is_enlarged_stored_and_paid(database: &Database) {
        let native = native(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let sent = data_url(&right_of(16, 32, 24));
        // As webuiapi sends it.
        let body = json!({
            "resize_mode": 0, "show_extras_results": true, "gfpgan_visibility": 0, "codeformer_visibility": 0, "codeformer_weight": 0,
            "upscaling_resize": 2, "upscaling_resize_w": 512, "upscaling_resize_h": 512, "upscaling_crop": true,
            "upscaler_1": "Lanczos", "upscaler_2": "None", "extras_upscaler_2_visibility": 0, "upscale_first": false, "image": sent,
        });
        let enlarged = one(&native.ok(SINGLE, &token, body.clone()).await);
        assert_eq!((enlarged.width(), enlarged.height()), (64, 48));
        assert!(enlarged.pixels()[0] < 10 && enlarged.pixels()[63 * 3] > 245);
        let (left, pending) = native.balance(&ada).await?;
        assert!(left < 100 && pending == 0, "{left} {pending}");
        let mut boxed = body.clone();
        (boxed["resize_mode"], boxed["upscaling_resize_w"], boxed["upscaling_resize_h"]) = (json!(1), json!(64), json!(64));
        let enlarged = one(&native.ok(SINGLE, &token, boxed).await);
        assert_eq!((enlarged.width(), enlarged.height()), (64, 64));
        let stored = native.read("/api/v1/images", &token).await;
        assert_eq!(stored["data"].as_array().map(Vec::len), Some(2));
        native.assert_clean().await?;

        let before = native.balance(&ada).await?;
        let mut nothing = body.clone();
        nothing["upscaler_1"] = json!("None");
        assert_eq!(one(&native.ok(SINGLE, &token, nothing).await), right_of(16, 32, 24));
        for (field, value) in [("upscaler_1", json!("R-ESRGAN 4x+")), ("gfpgan_visibility", json!(1)), ("upscaling_resize", json!(9))] {
            let mut wrong = body.clone();
            wrong[field] = value;
            let answer = native.post(SINGLE, &token, wrong).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["detail"][0]["loc"][1]), (422, &json!(field)));
        }
        assert_eq!(native.balance(&ada).await?, before);
    }

    async fn several_are_enlarged_at_once(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "pro").await?;
        let list = json!([{"data": data_url(&even(16, 16, [9; 3])), "name": "a"}, {"data": data_url(&even(8, 8, [9; 3])), "name": "b"}]);
        let body = json!({"upscaler_1": "Nearest", "upscaling_resize": 3, "imageList": list});
        let answer = native.ok("/sdapi/v1/extra-batch-images", &token, body).await;
        assert!(pictures(&answer) == [even(48, 48, [9; 3]), even(24, 24, [9; 3])]);
        let none = native.post("/sdapi/v1/extra-batch-images", &token, json!({"imageList": []})).await;
        assert_eq!(none.status, 422);
    }

    async fn what_is_written_in_a_file_is_read(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let text = "a cat\nNegative prompt: a dog\nSteps: 20, Sampler: Euler a, Seed: 5, Size: 512x768, Clip skip: 2";
        let options = EncodeOptions { parameters: Some(text), ..EncodeOptions::new(Format::Png) };
        let file = BASE64_STANDARD.encode(encode(&even(8, 8, [9; 3]), &options)?);
        let read = native.ok(INFO, &token, json!({"image": file})).await;
        assert_eq!((read["info"].as_str(), &read["parameters"]["Sampler"]), (Some(text), &json!("Euler a")));
        assert_eq!((&read["parameters"]["Prompt"], &read["parameters"]["Size-2"]), (&json!("a cat"), &json!("768")));
        let bare = native.ok(INFO, &token, json!({"image": data_url(&even(8, 8, [9; 3]))})).await;
        assert_eq!(bare, json!({"info": "", "items": {}, "parameters": {}}));
        for wrong in [json!({}), json!({"image": "aGVsbG8="}), json!({"image": "?"})] {
            assert_eq!(native.post(INFO, &token, wrong.clone()).await.status, 422, "{wrong}");
        }
    }
}
