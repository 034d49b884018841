//! Settings, of each caller their own.

use easel_engine::sim::SimConfig;
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use serde_json::{Value, json};

use crate::{
    common::native::native_with,
    support::{TXT2IMG, files, info, text},
};

/// As the toy device shows it.
const OTHER: &str = "org/other [0123456789]";
const OPTIONS: &str = "/sdapi/v1/options";

fn two_models() -> SimConfig {
    SimConfig { models: vec!["sim".into(), "org/other".into()], ..SimConfig::default() }
}

on_both_engines! {
    async fn a_switch_of_one_is_nobody_elses(database: &Database) {
        let native = native_with(database, two_models()).await;
        let (_, ada) = native.somebody("ada", Role::User, "free").await?;
        let (_, eve) = native.somebody("eve", Role::User, "free").await?;
        assert_eq!(native.read(OPTIONS, &ada).await["sd_model_checkpoint"], "sim [0123456789]");
        for name in [OTHER, "org/other", "other", "other.safetensors"] {
            assert_eq!(native.ok(OPTIONS, &ada, json!({"sd_model_checkpoint": name})).await, Value::Null, "{name}");
            assert_eq!(native.read(OPTIONS, &ada).await["sd_model_checkpoint"], OTHER);
        }
        native.ok(OPTIONS, &ada, json!({"CLIP_stop_at_last_layers": 2, "samples_format": "jpg"})).await;
        assert_eq!(native.read(OPTIONS, &eve).await["sd_model_checkpoint"], "sim [0123456789]");
        let body = json!({"prompt": "x", "steps": 2, "width": 64, "height": 64});
        let drawn = native.ok(TXT2IMG, &ada, body.clone()).await;
        assert_eq!((&info(&drawn)["sd_model_name"], &info(&drawn)["clip_skip"]), (&json!("org/other"), &json!(2)));
        assert!(files(&drawn)[0].starts_with(b"\xff\xd8\xff"));
        let drawn = native.ok(TXT2IMG, &eve, body).await;
        assert_eq!((&info(&drawn)["sd_model_name"], &info(&drawn)["clip_skip"]), (&json!("sim"), &json!(1)));
    }

    async fn everything_can_be_sent_back_with_one_value_changed(database: &Database) {
        let native = native_with(database, two_models()).await;
        let (_, ada) = native.somebody("ada", Role::User, "free").await?;
        let mut all = native.read(OPTIONS, &ada).await;
        all["sd_model_checkpoint"] = json!(OTHER);
        native.ok(OPTIONS, &ada, all.clone()).await;
        assert_eq!(native.read(OPTIONS, &ada).await, all);
        let harmless = json!({"samples_save": true, "save_images_add_number": true, "outdir_samples": "x", "sd_vae": "Automatic"});
        assert_eq!(native.ok(OPTIONS, &ada, harmless).await, Value::Null);
        assert_eq!(native.read(OPTIONS, &ada).await, all);
        for (wrong, status) in [
            (json!({"sd_model_checkpoint": "nowhere"}), 404),
            (json!({"CLIP_stop_at_last_layers": 13}), 422),
            (json!({"randn_source": "dice"}), 422),
            (json!({"token_merging_ratio": 0.5}), 422),
            (json!({"s_noise": -1}), 422),
            (json!({"sd_hypernetwork": "x"}), 422),
        ] {
            assert_eq!(native.post(OPTIONS, &ada, wrong.clone()).await.status, status, "{wrong}");
        }
        assert_eq!(native.read(OPTIONS, &ada).await, all, "what is refused changes nothing");
    }

    async fn settings_of_a_request_end_with_it(database: &Database) {
        let native = native_with(database, two_models()).await;
        let (_, ada) = native.somebody("ada", Role::User, "free").await?;
        let before = native.read(OPTIONS, &ada).await;
        let settings = json!({"sd_model_checkpoint": "other", "randn_source": "NV", "eta_ancestral": 0.5});
        let body = json!({"prompt": "x", "steps": 2, "width": 64, "height": 64, "sampler_name": "Euler a", "override_settings": settings});
        let drawn = native.ok(TXT2IMG, &ada, body).await;
        let told = text(&files(&drawn)[0]);
        assert!(told.contains("Model: org/other, Eta: 0.5, RNG: NV, "), "{told}");
        assert_eq!(native.read(OPTIONS, &ada).await, before);
    }

    async fn settings_are_the_same_on_every_node_and_after_a_restart(database: &Database) {
        let one = native_with(database, two_models()).await;
        let (_, ada) = one.somebody("ada", Role::User, "free").await?;
        let (_, eve) = one.somebody("eve", Role::User, "free").await?;
        let another = native_with(database, two_models()).await;
        one.ok(OPTIONS, &ada, json!({"sd_model_checkpoint": "other", "CLIP_stop_at_last_layers": 2})).await;
        let said = another.read(OPTIONS, &ada).await;
        assert_eq!((&said["sd_model_checkpoint"], &said["CLIP_stop_at_last_layers"]), (&json!(OTHER), &json!(2)));
        let body = json!({"prompt": "x", "steps": 2, "width": 64, "height": 64});
        let drawn = another.ok(TXT2IMG, &ada, body.clone()).await;
        assert_eq!((&info(&drawn)["sd_model_name"], &info(&drawn)["clip_skip"]), (&json!("org/other"), &json!(2)));
        // What is set there is what is drawn with here.
        another.ok(OPTIONS, &ada, json!({"CLIP_stop_at_last_layers": 3})).await;
        assert_eq!(info(&one.ok(TXT2IMG, &ada, body.clone()).await)["clip_skip"], 3);
        drop((one, another));

        let later = native_with(database, two_models()).await;
        assert_eq!(info(&later.ok(TXT2IMG, &ada, body).await)["clip_skip"], 3);
        assert_eq!(later.read(OPTIONS, &eve).await["CLIP_stop_at_last_layers"], 1, "nobody else's");
        // A model that is gone by then is not what anybody draws with.
        let fewer = native_with(database, SimConfig::default()).await;
        let said = fewer.read(OPTIONS, &ada).await;
        assert_eq!((&said["sd_model_checkpoint"], &said["CLIP_stop_at_last_layers"]), (&json!("sim [0123456789]"), &json!(3)));
    }
}
