//! What an administrator sees of everybody, and does to models in memory.

use crate::common::native::{PASSWORD, native_with};
use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_engine::sim::SimConfig;
use easel_platform::{accounts::Registration, records::Role};
use easel_testing::on_both_engines;
use serde_json::{Value, json};

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().into_iter().flatten().filter_map(|row| row["id"].as_str()).collect()
}

fn names(page: &Value) -> Vec<&str> {
    page["data"].as_array().into_iter().flatten().filter_map(|row| row["username"].as_str()).collect()
}

on_both_engines! {
    async fn everybodys_jobs_are_listed_without_what_was_asked_for(database: &Database) {
        let native = native_with(database, SimConfig::default()).await;
        let (owner, token) = native.somebody("owner", Role::User, "pro").await?;
        let (_, admin) = native.somebody("admin", Role::Admin, "pro").await?;
        let mut made = Vec::new();
        for _ in 0..3 {
            let job = native.post("/api/v1/images/generate", &token, json!({"prompt": "a secret wish"})).await.json();
            made.insert(0, job["id"].as_str().ok_or("an id")?.to_owned());
        }
        native.post(&format!("/api/v1/jobs/{}/cancel", made[0]), &token, json!({})).await;
        let first = native.get("/api/v1/admin/jobs?limit=2", &admin).await;
        assert!(!String::from_utf8_lossy(&first.bytes).contains("wish"), "what was asked for is nobody else's business");
        let first = first.json();
        assert_eq!(ids(&first), made[..2]);
        assert_eq!(first["data"][1]["user_id"], json!(owner.id));
        let next = first["next"].as_str().ok_or("a cursor")?;
        let second = native.get(&format!("/api/v1/admin/jobs?limit=2&cursor={next}"), &admin).await.json();
        assert_eq!((ids(&second), &second["next"]), (vec![made[2].as_str()], &Value::Null));
        assert_eq!(ids(&native.get("/api/v1/admin/jobs?state=cancelled", &admin).await.json()), [made[0].as_str()]);
        assert_eq!(ids(&native.get("/api/v1/admin/jobs?state=queued", &admin).await.json()), made[1..]);
        assert_eq!(native.get("/api/v1/admin/jobs?state=lost", &admin).await.status, 400);
        let stats = native.get("/api/v1/admin/stats", &admin).await.json();
        assert_eq!((&stats["users"], &stats["jobs_queued"], &stats["jobs_processing"]), (&json!(2), &json!(2), &json!(0)));
    }

    async fn what_was_used_is_summed_over_everybody(database: &Database) {
        let native = crate::common::native::native(database).await;
        let (_, admin) = native.somebody("admin", Role::Admin, "pro").await?;
        for name in ["ada", "grace"] {
            let (_, token) = native.somebody(name, Role::User, "pro").await?;
            native.drawn(&token, json!({"prompt": "a red circle", "n": 2})).await;
        }
        let stats = native.get("/api/v1/admin/stats", &admin).await.json();
        let days = stats["days"].as_array().ok_or("days")?;
        let sum = |field: &str| days.iter().filter_map(|day| day[field].as_i64()).sum::<i64>();
        assert_eq!((sum("jobs"), sum("images")), (2, 4), "{stats}");
        let metrics = native.get("/metrics", "").await;
        let metrics = String::from_utf8_lossy(&metrics.bytes);
        for line in [
            "generation_requests_total{model=\"sim\",mode=\"text_to_image\",provider=\"local\",outcome=\"completed\"} 2\n",
            "credits_consumed_total{model=\"sim\",plan=\"pro\"} 4\n",
            "active_users 3\n",
            "active_users_24h 3\n",
            "active_users_30d 3\n",
        ] {
            assert!(metrics.contains(line), "{line} is not in\n{metrics}");
        }
    }

    async fn settings_are_changed_while_the_server_runs(database: &Database) {
        let native = native_with(database, SimConfig::default()).await;
        let (_, root) = native.somebody("root", Role::Superuser, "pro").await?;
        let (_, admin) = native.somebody("admin", Role::Admin, "pro").await?;
        let (_, ada) = native.somebody("ada", Role::User, "pro").await?;
        const SETTINGS: &str = "/api/v1/admin/settings";
        let put = async |key: &str, value: Value| {
            native.call(Method::PUT, &format!("{SETTINGS}/{key}"), &root, Some(json!({ "value": value }))).await
        };
        let rows = native.get(SETTINGS, &root).await.json()["data"].clone();
        let rows = rows.as_array().ok_or("rows")?;
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|row| row["value"].is_null() && row["updated_at"].is_null()), "as the configuration says");
        assert_eq!(native.get(SETTINGS, &admin).await.code(), "forbidden");

        let quote = async || native.post("/api/v1/images/quote", &ada, json!({"prompt": "x"})).await.json()["unit_price"].clone();
        assert_eq!(quote().await, "1");
        let changed = put("task_cost_credits", json!(3)).await;
        assert_eq!(changed.status, 200, "{}", changed.json());
        assert_eq!(quote().await, "3");
        let of = |page: &Value, key: &str| page["data"].as_array()?.iter().find(|row| row["key"] == key).cloned();
        let row = of(&changed.json(), "task_cost_credits").ok_or("a row")?;
        assert!(row["value"] == 3 && row["updated_at"].is_string(), "{row}");

        assert_eq!(put("max_tasks_per_day", json!(1)).await.status, 200);
        let draw = async || native.post("/api/v1/images/generate", &ada, json!({"prompt": "x"})).await;
        assert_eq!(draw().await.status, 202);
        assert_eq!(draw().await.code(), "daily_limit_reached");
        assert_eq!(put("max_tasks_per_day", Value::Null).await.status, 200);
        assert_eq!(draw().await.status, 202, "the plan's again");

        assert_eq!(put("new_user_credits", json!(7)).await.status, 200);
        let (eve, _) = native.somebody("eve", Role::User, "free").await?;
        assert_eq!(native.balance(&eve).await?, (7, 0));
        assert_eq!(native.get("/api/v1/subscriptions/plans", "").await.json()[0]["signup_credits"], 7);
        assert_eq!(put("max_file_size_mb", json!(2)).await.status, 200);
        assert_eq!(native.get("/api/v1/config/public", "").await.json()["max_upload_bytes"], 2 * 1024 * 1024);

        // Another node hears of it when it looks.
        let other = native_with(database, SimConfig::default()).await;
        assert_eq!(other.get("/api/v1/config/public", "").await.json()["max_upload_bytes"], 10 * 1024 * 1024);
        other.platform.catalogue.run_time().refresh(&other.platform.context).await?;
        assert_eq!(other.get("/api/v1/config/public", "").await.json()["max_upload_bytes"], 2 * 1024 * 1024);

        for (key, value) in [("max_file_size_mb", json!(101)), ("max_files_per_task", json!(0)), ("task_cost_credits", json!(-1))] {
            assert_eq!(put(key, value).await.code(), "invalid_value", "{key}");
        }
        assert_eq!(put("port", json!(1)).await.code(), "not_found");
        let record = native.get("/api/v1/admin/audit?limit=1", &root).await.json()["data"][0].clone();
        assert_eq!((&record["action"], &record["target_id"]), (&json!("setting.change"), &json!("max_file_size_mb")));
        assert_eq!(record["detail"], json!({"from": null, "to": 2}));
    }

    async fn the_record_is_read_backwards_and_page_by_page(database: &Database) {
        let native = native_with(database, SimConfig::default()).await;
        let (user, _) = native.somebody("user", Role::User, "free").await?;
        let (_, admin) = native.somebody("admin", Role::Admin, "pro").await?;
        let path = format!("/api/v1/admin/users/{}", user.id);
        assert_eq!(native.call(Method::PATCH, &path, &admin, Some(json!({"plan": "basic"}))).await.status, 200);
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = native.get(&format!("/api/v1/admin/audit?limit=2{cursor}"), &admin).await.json();
            seen.extend(page["data"].as_array().ok_or("rows")?.clone());
            let Some(next) = page["next"].as_i64() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!((&seen[0]["action"], &seen[0]["target_id"]), (&json!("user.plan"), &json!(user.id)));
        assert_eq!(seen[0]["detail"]["plan"], json!("basic"));
        assert_eq!(seen[0]["user_agent"], json!(null), "it said nothing of itself");
        let places: Vec<_> = seen.iter().filter_map(|row| row["seq"].as_i64()).collect();
        assert_eq!(places, (1..=places.len() as i64).rev().collect::<Vec<_>>(), "all of it, newest first");
        let request = Request::builder().method(Method::PATCH).uri(&path).header("host", "easel.test");
        let request = request.header("authorization", format!("Bearer {admin}")).header("user-agent", "Firefox\t/140");
        let request = request.header("content-type", "application/json").body(Body::from(json!({"plan": "free"}).to_string()))?;
        assert_eq!(native.send(request).await.status, 200);
        let last = native.get("/api/v1/admin/audit?limit=1", &admin).await.json()["data"][0].clone();
        assert_eq!((&last["action"], &last["user_agent"]), (&json!("user.plan"), &json!("Firefox/140")));
    }

    async fn people_are_found_by_how_their_name_or_address_begins(database: &Database) {
        let native = native_with(database, SimConfig::default()).await;
        let (_, admin) = native.somebody("admin", Role::Admin, "pro").await?;
        for (name, email) in [("ada", "lovelace@example.org"), ("adele", "adele@example.org"), ("quinn", "zoe@example.org")] {
            let new = Registration { email, password: PASSWORD, username: Some(name), ..Registration::default() };
            native.platform.accounts.register(new).await?;
        }
        for (sought, found) in [
            ("ad", vec!["admin", "ada", "adele"]),
            ("ade", vec!["adele"]),
            ("%20ADA%20", vec!["ada"]),
            ("Zoe%40", vec!["quinn"]),
            ("lovelace%40example.org", vec!["ada"]),
            ("dele", vec![]),
            // What is a sign to other searches is a letter here.
            ("a%25", vec![]),
            ("_da", vec![]),
            ("a%00", vec![]),
            ("", vec!["admin", "ada", "adele", "quinn"]),
        ] {
            let page = native.get(&format!("/api/v1/admin/users?q={sought}"), &admin).await.json();
            assert_eq!((names(&page), &page["next"]), (found, &Value::Null), "{sought}");
        }
        let first = native.get("/api/v1/admin/users?q=ad&limit=2", &admin).await.json();
        let next = first["next"].as_str().ok_or("a next page")?;
        let second = native.get(&format!("/api/v1/admin/users?q=ad&limit=2&after={next}"), &admin).await.json();
        assert_eq!((names(&first), names(&second)), (vec!["admin", "ada"], vec!["adele"]));
        let long = native.get(&format!("/api/v1/admin/users?q={}", "a".repeat(256)), &admin).await;
        assert_eq!((long.status.as_u16(), long.json()["error"]["param"].as_str()), (400, Some("q")));
    }

    async fn models_are_brought_in_and_put_out(database: &Database) {
        let models = ["sim", "other"].map(easel_types::ModelId::from).to_vec();
        let native = native_with(database, SimConfig { models, ..SimConfig::default() }).await;
        let (_, root) = native.somebody("root", Role::Superuser, "pro").await?;
        let (_, admin) = native.somebody("admin", Role::Admin, "pro").await?;
        let list = native.get("/api/v1/admin/models", &admin).await.json();
        assert_eq!(ids(&list), ["sim", "other"]);
        assert_eq!((&list["data"][0]["is_default"], &list["data"][1]["devices"]), (&json!(true), &json!([])));
        let act = async |verb: &str, model: &str, token: &str| {
            native.post(&format!("/api/v1/admin/models/{model}/{verb}"), token, json!({})).await
        };
        assert_eq!(act("load", "other", &admin).await.code(), "forbidden");
        assert_eq!(act("load", "none", &root).await.code(), "model_not_found");
        assert_eq!(act("load", "other", &root).await.status, 202);
        let there = async |wanted: Value| {
            while native.get("/api/v1/admin/devices", &admin).await.json()["data"][0]["models"] != wanted {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        there(json!(["sim", "other"])).await;
        assert_eq!(act("unload", "sim", &root).await.status, 202);
        there(json!(["other"])).await;
        let record = native.get("/api/v1/admin/audit?limit=2", &admin).await.json();
        assert_eq!((&record["data"][0]["action"], &record["data"][1]["action"]), (&json!("model.unload"), &json!("model.load")));
    }
}
