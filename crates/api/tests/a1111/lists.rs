//! What clients look at before they draw.

use std::collections::BTreeMap;

use easel_api::{AdapterFile, AdapterKind, Adapters, ApiConfig, AppState, Door, FilesConfig, Services, router};
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::{
    common::native::native,
    support::{TXT2IMG, data_url, even},
};

/// A shelf with one of each.
#[derive(Debug)]
struct OneOfEach;

impl Adapters for OneOfEach {
    fn list(&self, kind: AdapterKind) -> Vec<AdapterFile> {
        let name = match kind {
            AdapterKind::Lora => "ink",
            AdapterKind::Embedding => "bad-hands",
            AdapterKind::ControlNet => "edges",
        };
        let metadata = BTreeMap::from([("ss_output_name".to_owned(), "ink_v2".to_owned())]);
        let (name, path) = (format!("style/{name}"), format!("style/{name}.safetensors"));
        vec![AdapterFile { name, path, bytes: 8, problem: None, metadata }]
    }
}

fn names(list: &Value, key: &str) -> Vec<String> {
    let items = list.as_array().unwrap_or_else(|| panic!("{list}"));
    items.iter().map(|item| item[key].as_str().expect("a name").to_owned()).collect()
}

on_both_engines! {
    async fn every_sampler_and_schedule_that_is_listed_draws(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "pro").await?;
        let samplers = names(&native.read("/sdapi/v1/samplers", &token).await, "name");
        assert_eq!(samplers[..2], ["DPM++ 2M", "DPM++ SDE"]);
        for name in samplers {
            let body = json!({"prompt": "x", "steps": 5, "width": 64, "height": 64, "sampler_name": name, "send_images": false});
            native.ok(TXT2IMG, &token, body).await;
        }
        for schedule in names(&native.read("/sdapi/v1/schedulers", &token).await, "label") {
            let body = json!({"prompt": "x", "steps": 5, "width": 64, "height": 64, "scheduler": schedule, "send_images": false});
            native.ok(TXT2IMG, &token, body).await;
        }
    }

    async fn lists_have_the_form_clients_read(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let models = native.read("/sdapi/v1/sd-models", &token).await;
        assert_eq!((&models[0]["title"], &models[0]["model_name"]), (&json!("sim [0123456789]"), &json!("sim")));
        assert_eq!(names(&native.read("/sdapi/v1/upscalers", &token).await, "name"), ["None", "Lanczos", "Nearest"]);
        assert_eq!(names(&native.read("/sdapi/v1/latent-upscale-modes", &token).await, "name").len(), 6);
        for empty in ["sd-vae", "sd-modules", "hypernetworks", "face-restorers", "realesrgan-models", "extensions", "loras"] {
            assert_eq!(native.read(&format!("/sdapi/v1/{empty}"), &token).await, json!([]), "{empty}");
        }
        assert_eq!(native.read("/sdapi/v1/embeddings", &token).await, json!({"loaded": {}, "skipped": {}}));
        assert!(native.read("/sdapi/v1/scripts", &token).await["txt2img"].is_array());
        assert!(native.read("/sdapi/v1/script-info", &token).await.is_array());
        assert_eq!(native.read("/sdapi/v1/cmd-flags", &token).await["api"], true);
        let memory = native.read("/sdapi/v1/memory", &token).await;
        assert!(memory["ram"].is_object() && memory["cuda"].is_object());
        assert_eq!(native.read("/controlnet/version", &token).await["version"], 3);
        assert_eq!(native.read("/controlnet/model_list", &token).await["model_list"], json!([]));
        assert_eq!(native.read("/controlnet/module_list", &token).await["module_list"], json!(["none", "canny"]));
        assert_eq!(native.read("/controlnet/control_types", &token).await["control_types"]["All"]["default_model"], "None");
        assert_eq!(native.read("/controlnet/settings", &token).await["control_net_unit_count"], 8);
        for refresh in ["refresh-checkpoints", "refresh-vae", "refresh-loras", "refresh-embeddings"] {
            assert_eq!(native.ok(&format!("/sdapi/v1/{refresh}"), &token, json!({})).await, Value::Null, "{refresh}");
        }
        let words = native.post("/sdapi/v1/interrogate", &token, json!({"image": data_url(&even(8, 8, [1; 3])), "model": "clip"})).await;
        assert_eq!(words.status, 404);
        for lent in ["unload-checkpoint", "reload-checkpoint"] {
            assert_eq!(native.post(&format!("/sdapi/v1/{lent}"), &token, json!({})).await.status, 403, "{lent}");
        }
        let (_, root) = native.somebody("root", Role::Superuser, "free").await?;
        for lent in ["unload-checkpoint", "reload-checkpoint"] {
            assert_eq!(native.ok(&format!("/sdapi/v1/{lent}"), &root, json!({})).await, json!({}), "{lent}");
        }
    }

    async fn files_on_the_shelf_are_listed_without_their_folder(database: &Database) {
        let mut native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let config = ApiConfig { door: Door::Accounts, ..ApiConfig::new(FilesConfig::new(database.dir().join("more"))) };
        let state = AppState::new(native.engine.clone(), Arc::clone(&native.platform), config)?;
        native.router = router(state.with_services(Services { adapters: Some(Arc::new(OneOfEach)), ..Services::default() }));
        let loras = native.read("/sdapi/v1/loras", &token).await;
        let expected = json!([{
            "name": "ink", "alias": "ink_v2", "path": "style/ink.safetensors", "metadata": {"ss_output_name": "ink_v2"},
        }]);
        assert_eq!(loras, expected);
        assert!(native.read("/sdapi/v1/embeddings", &token).await["loaded"]["bad-hands"].is_object());
        assert_eq!(native.read("/controlnet/model_list", &token).await["model_list"], json!(["edges"]));
    }
}
