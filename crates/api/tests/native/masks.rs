//! Words that are left out of what is drawn: by every route, told of, and kept nowhere.

use easel_platform::{records::Role, safety::Filter};
use easel_testing::on_both_engines;
use serde_json::{Value, json};

use crate::common::native::native_changed;

const LIST: &str = "[[category]]\nname = \"brands\"\naction = \"mask\"\nterms = [\"acme\"]\n";

on_both_engines! {
    async fn what_is_masked_is_not_drawn_by_any_route(database: &Database) {
        let folder = database.dir().join("lists");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("en.toml"), LIST)?;
        let filter = Filter::from_folder(&folder)?;
        let native = native_changed(database, |settings| settings.filter = Some(filter)).await;
        let (_, token) = native.somebody("ada", Role::User, "pro").await?;
        let brands = json!(["brands"]);

        let job = native.drawn(&token, json!({"prompt": "an Acme truck"})).await;
        assert_eq!((&job["state"], &job["masked"]), (&json!("completed"), &brands), "{job}");
        assert_eq!(job["request"]["work"]["prompt"], json!("an truck"));
        let plain = native.drawn(&token, json!({"prompt": "a truck"})).await;
        assert_eq!(plain["masked"], json!([]), "{plain}");

        let asked = json!({"prompt": "an ACME truck", "response_format": "b64_json"});
        let answer = native.post("/v1/images/generations", &token, asked.clone()).await.json();
        assert_eq!((answer["data"].as_array().map(Vec::len), &answer["masked"]), (Some(1), &brands));
        let mut streamed = asked;
        streamed["stream"] = json!(true);
        let answer = native.post("/v1/images/generations", &token, streamed).await;
        assert!(String::from_utf8_lossy(&answer.bytes).contains("\"masked\":[\"brands\"]"), "each event says so");

        let asked = json!({
            "prompt": "an ACME truck", "steps": 4, "width": 64, "height": 64, "enable_hr": true, "hr_scale": 2,
            "hr_prompt": "a small acme truck",
        });
        let answer = native.post("/sdapi/v1/txt2img", &token, asked).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let info: Value = serde_json::from_str(answer.json()["info"].as_str().ok_or("info")?)?;
        assert_eq!((&info["masked"], &info["prompt"]), (&brands, &json!("an truck")));
        assert_eq!(info["extra_generation_params"]["Hires prompt"], json!("a small truck"));
        assert!(!info.to_string().to_lowercase().contains("acme"), "{info}");

        let (images, jobs) = (native.get("/api/v1/images", &token).await.json(), native.get("/api/v1/jobs", &token).await.json());
        assert_eq!(images["data"].as_array().map(Vec::len), Some(5));
        assert!(!format!("{images}{jobs}").to_lowercase().contains("acme"), "it is kept nowhere");
        let masked = jobs["data"].as_array().into_iter().flatten().filter(|job| job["masked"] == brands).count();
        assert_eq!(masked, 4, "all but the plain one: {jobs}");
        native.assert_clean().await?;
    }
}
