//! What helps to write a prompt, over HTTP: styles that are found and applied, prompts that are built, enhanced, suggested and remembered.

use crate::common::native::{Native, native, native_with};
use axum::http::Method;
use easel_engine::sim::SimConfig;
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use serde_json::{Value, json};

/// The ids of a list.
fn ids(answer: &Value) -> Vec<&str> {
    answer.as_array().expect("a list").iter().map(|row| row["id"].as_str().expect("an id")).collect()
}

async fn written(native: &Native, token: &str) -> Vec<String> {
    let history = native.get("/api/v1/prompts/history?limit=100", token).await.json();
    history.as_array().expect("a list").iter().map(|row| row["prompt"].as_str().expect("a prompt").to_owned()).collect()
}

on_both_engines! {
    async fn styles_are_found_by_anybody_in_any_language(database: &Database) {
        let native = native_with(database, SimConfig::default()).await;
        let find = async |query: &str| native.get(&format!("/api/v1/styles?{query}"), "").await.json();
        for words in ["q=daguerreotype", "q=dagerreotype", "q=%D0%B4%D0%B0%D0%B3%D0%B5%D1%80%D0%BE%D1%82%D0%B8%D0%BF%D0%B0", "q=%E9%93%B6%E7%89%88"] {
            assert_eq!(find(words).await["data"][0]["id"], "daguerreotype", "{words}");
        }
        let first = find("category=manhwa&limit=10").await;
        let all = first["total"].as_u64().ok_or("a number")?;
        assert!(all >= 60 && first["next"] == 10, "{first}");
        assert!(first["data"].as_array().ok_or("a list")?.iter().all(|style| style["category"].as_str().is_some_and(|category| category.starts_with("manhwa"))));
        let (first_ids, rest) = (first["data"].clone(), find("category=manhwa&limit=10&offset=10").await);
        assert!(ids(&rest["data"]).iter().all(|id| !ids(&first_ids).contains(id)), "another page is other styles");
        let last = find(&format!("category=manhwa&offset={}", all - 1)).await;
        assert_eq!((last["data"].as_array().map(Vec::len), &last["next"]), (Some(1), &Value::Null));

        let categories = native.get("/api/v1/styles/categories", "").await.json();
        let manhwa = categories.as_array().ok_or("a list")?.iter().find(|category| category["id"] == "manhwa").ok_or("is there")?;
        assert_eq!((&manhwa["styles"], &manhwa["parent"], &manhwa["names"]["zh"]), (&json!(all), &Value::Null, &json!("韩漫")));
        let style = native.get("/api/v1/styles/linocut", "").await.json();
        assert!(style["prompt"].as_str().is_some_and(|prompt| prompt.contains("{prompt}")) && style["hash"].as_str().is_some_and(|hash| hash.len() == 64));
        let none = native.get("/api/v1/styles/none-of-these", "").await;
        assert_eq!((none.status.as_u16(), none.code().as_str()), (404, "style_not_found"));
        for wrong in ["limit=0", "limit=101", "offset=-1", "nothing=1", &format!("q={}", "a".repeat(201))] {
            assert_eq!(native.get(&format!("/api/v1/styles?{wrong}"), "").await.status, 400, "{wrong}");
        }
    }

    async fn an_order_in_styles_keeps_words_and_styles(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "pro").await?;
        let styles = json!(["linocut", "daguerreotype"]);
        let body = json!({"subject": "a fox, ", "negative_prompt": "text", "styles": styles});
        let built = native.post("/api/v1/prompts/build", &token, body).await.json();
        let body = json!({"prompt": "a fox", "negative_prompt": "text", "styles": styles, "seed": 7});
        let job = native.drawn(&token, body.clone()).await;
        let work = &job["request"]["work"];
        assert_eq!((&work["prompt"], &work["negative_prompt"]), (&built["prompt"], &built["negative_prompt"]));
        assert_eq!((&work["styled"]["raw_prompt"], &work["styled"]["raw_negative"]), (&json!("a fox"), &json!("text")));
        assert_eq!(job["images"][0]["prompt"], built["prompt"], "a picture says what it was drawn from");
        for (at, id) in ["linocut", "daguerreotype"].into_iter().enumerate() {
            let style = native.get(&format!("/api/v1/styles/{id}"), "").await.json();
            let kept = &work["styled"]["styles"][at];
            assert_eq!((&kept["id"], &kept["hash"]), (&json!(id), &style["hash"]));
            let words = style["prompt"].as_str().ok_or("words")?.rsplit(", ").next().ok_or("a phrase")?.to_owned();
            assert!(work["prompt"].as_str().is_some_and(|prompt| prompt.contains(&words)), "{words}");
        }

        // From the record alone, and from the picture.
        let kept = &work["styled"];
        let again = json!({"prompt": kept["raw_prompt"], "negative_prompt": kept["raw_negative"], "styles": styles, "seed": work["seed"]});
        let again = native.drawn(&token, again).await;
        assert_eq!(again["request"], job["request"]);
        let image = job["images"][0]["id"].as_str().ok_or("an id")?;
        let varied = native.post(&format!("/api/v1/images/{image}/variations"), &token, json!({})).await.json();
        assert_eq!(varied["request"]["work"]["styled"], *kept, "{varied}");

        // OpenAI's route has them beside its own `style`.
        let body = json!({"prompt": "a fox", "negative_prompt": "text", "style": "vivid", "styles": styles, "response_format": "b64_json"});
        let answer = native.post("/v1/images/generations", &token, body).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let jobs = native.get("/api/v1/jobs?limit=1", &token).await.json();
        assert_eq!(jobs["data"][0]["request"]["work"]["styled"], *kept);

        let plain = native.drawn(&token, json!({"prompt": "a fox"})).await;
        assert_eq!((&plain["request"]["work"]["prompt"], plain["request"]["work"].get("styled")), (&json!("a fox"), None));
        for (styles, code) in [
            (json!(["none-of-these"]), "style_not_found"),
            (json!(["linocut", "linocut"]), "style_repeated"),
            (json!(["a", "b", "c", "d", "e", "f", "g", "h", "i"]), "styles_too_many"),
        ] {
            let body = json!({"prompt": "a fox", "styles": styles});
            for path in ["/api/v1/images/generate", "/api/v1/images/quote", "/v1/images/generations", "/api/v1/prompts/enhance"] {
                let refused = native.post(path, &token, body.clone()).await;
                assert_eq!((refused.status.as_u16(), refused.code().as_str(), &refused.error()["param"]), (400, code, &json!("styles")), "{path}");
            }
        }
        native.assert_clean().await?;
    }

    async fn earlier_prompts_are_shown_once_and_can_be_forgotten(database: &Database) {
        let native = native(database).await;
        let (_, ada) = native.somebody("ada", Role::User, "pro").await?;
        let (_, bob) = native.somebody("bob", Role::User, "pro").await?;
        for prompt in ["a red circle", "a blue square", "a red circle"] {
            native.drawn(&ada, json!({"prompt": prompt})).await;
        }
        native.drawn(&ada, json!({"prompt": "a red circle", "styles": ["linocut"]})).await;
        let history = native.get("/api/v1/prompts/history", &ada).await.json();
        assert_eq!(written(&native, &ada).await, ["a red circle", "a red circle", "a blue square"]);
        assert_eq!((&history[0]["styles"], &history[0]["uses"]), (&json!(["linocut"]), &json!(1)));
        assert_eq!((&history[1]["styles"], &history[1]["uses"]), (&json!([]), &json!(2)));
        assert_eq!(native.get("/api/v1/prompts/history?limit=1", &ada).await.json().as_array().map(Vec::len), Some(1));
        assert!(written(&native, &bob).await.is_empty(), "nobody else's");

        let path = format!("/api/v1/prompts/history/{}", history[1]["id"].as_str().ok_or("an id")?);
        assert_eq!(native.delete(&path, &bob).await.status, 404);
        assert_eq!(native.delete(&path, &ada).await.status, 204);
        assert_eq!(written(&native, &ada).await, ["a red circle", "a blue square"]);
        assert_eq!(native.delete(&path, &ada).await.status, 404, "it is not among them any more");
        native.drawn(&ada, json!({"prompt": "a red circle"})).await;
        assert_eq!(written(&native, &ada).await.len(), 3, "until it is used again");
        assert_eq!(native.delete("/api/v1/prompts/history", &ada).await.status, 204);
        assert!(written(&native, &ada).await.is_empty());
        native.drawn(&ada, json!({"prompt": "a green ring"})).await;
        assert_eq!(written(&native, &ada).await, ["a green ring"]);
        assert_eq!(native.get("/api/v1/jobs?limit=100", &ada).await.json()["data"].as_array().map(Vec::len), Some(6), "the jobs stay");
        native.assert_clean().await?;
    }

    async fn words_are_suggested_built_and_drawn_by_lot(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "pro").await?;
        native.drawn(&token, json!({"prompt": "a cat, golden whiskers"})).await;
        let typed = "q=%E7%8C%AB%EF%BC%8Cgol";
        let found = native.get(&format!("/api/v1/prompts/suggest?{typed}&language=en"), &token).await.json();
        assert_eq!((&found[0]["prompt"], &found[0]["kind"], &found[0]["replaces_from"]), (&json!("golden whiskers"), &json!("own"), &json!(2)), "in characters");
        assert!(found.as_array().ok_or("a list")?.iter().any(|found| found["kind"] == "term" && found["prompt"] == "golden hour light"), "{found}");
        let russian = native.get("/api/v1/prompts/suggest?q=%D1%81%D0%B2%D0%B5%D1%82%20%D0%B7%D0%BE%D0%BB%D0%BE&language=ru-RU", &token).await.json();
        assert_eq!((&russian[0]["shown"], &russian[0]["prompt"]), (&json!("свет золотого часа"), &json!("golden hour light")));
        assert_eq!(native.get("/api/v1/prompts/suggest?q=x&language=tlh", &token).await.status, 400);
        assert_eq!(native.get("/api/v1/prompts/suggest?q=x&limit=31", &token).await.status, 400);

        let terms = native.get("/api/v1/prompts/terms?slot=light", &token).await.json();
        let term = terms[0].clone();
        assert!(terms.as_array().ok_or("a list")?.iter().all(|term| term["slot"] == "light"));
        let built = native.post("/api/v1/prompts/build", &token, json!({"subject": "a cat", "light": term["id"], "quality": ["sharp"]})).await.json();
        let expected = format!("a cat, {}, sharp", term["names"]["en"].as_str().ok_or("a name")?);
        assert_eq!((&built["prompt"], &built["styles"]), (&json!(expected), &json!([])));

        let random = native.get("/api/v1/prompts/random?seed=7", &token).await.json();
        assert_eq!(random, native.get("/api/v1/prompts/random?seed=7", &token).await.json());
        assert_eq!(random["prompt"], random["names"]["en"]);
        let some = native.get("/api/v1/prompts/random", &token).await.json();
        assert_eq!(some["prompt"], native.get(&format!("/api/v1/prompts/random?seed={}", some["seed"]), &token).await.json()["prompt"]);
    }

    async fn a_prompt_is_enhanced_by_rule_where_there_is_no_model(database: &Database) {
        let native = native_with(database, SimConfig::default()).await;
        let (_, token) = native.somebody("ada", Role::User, "pro").await?;
        let enhance = async |body: Value| native.post("/api/v1/prompts/enhance", &token, body).await;
        let body = json!({"prompt": "a (red:1.2) fox in a forest", "seed": 7, "amount": "many"});
        let once = enhance(body.clone()).await.json();
        assert_eq!(once, enhance(body).await.json());
        assert!(once["prompt"].as_str().is_some_and(|prompt| prompt.starts_with("a (red:1.2) fox in a forest, ")), "{once}");
        assert_eq!((once["added"].as_array().map(Vec::len), &once["by"], &once["fell_back"]), (Some(7), &json!("rules"), &Value::Null));
        for term in once["added"].as_array().ok_or("a list")? {
            assert!(once["prompt"].as_str().zip(term["names"]["en"].as_str()).is_some_and(|(prompt, name)| prompt.contains(name)));
        }
        let few = enhance(json!({"prompt": "a fox", "amount": "few", "styles": ["linocut"]})).await.json();
        assert!(few["added"].as_array().is_some_and(|added| added.len() <= 2) && few["seed"].is_u64());
        let model = enhance(json!({"prompt": "a fox", "by": "model", "seed": 1})).await.json();
        assert_eq!((&model["by"], &model["fell_back"]), (&json!("rules"), &json!("model_not_configured")));
        assert_eq!(native.get("/api/v1/config/public", "").await.json()["prompt_model"], false);
        let long = "x".repeat(10_001);
        for wrong in [json!({}), json!({"prompt": 1}), json!({"prompt": long}), json!({"prompt": "x", "by": "magic"}), json!({"prompt": "x", "amount": "all"})] {
            assert_eq!(enhance(wrong).await.status, 400);
        }
        let put = native.call(Method::PUT, "/api/v1/prompts/enhance", &token, Some(json!({}))).await;
        assert_eq!(put.status, 405);
    }
}
