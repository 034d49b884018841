//! `GET /v1/models` and `GET /v1/models/{id}`.

use crate::common::{pretty, server_with};
use easel_engine::{
    EngineConfig,
    sim::{Shelf, SimConfig},
};
use serde_json::json;

#[tokio::test]
async fn models_are_listed_and_found_even_with_slashes() {
    let sim = SimConfig { models: vec!["builtin".into(), "org/repo".into()], ..SimConfig::default() };
    let config = EngineConfig { default_model: Some("org/repo".into()), ..EngineConfig::default() };
    let server = server_with(sim, config, |_| {}).await;
    insta::assert_snapshot!(pretty(&server.get("/v1/models").await.json()), @r#"
    {
      "data": [
        {
          "created": 1790000000,
          "family": "sim",
          "id": "org/repo",
          "native_size": "128x128",
          "object": "model",
          "owned_by": "easel"
        },
        {
          "created": 1790000000,
          "family": "sim",
          "id": "builtin",
          "native_size": "128x128",
          "object": "model",
          "owned_by": "easel"
        }
      ],
      "object": "list"
    }
    "#);
    assert_eq!(server.get("/v1/models/org/repo").await.json()["id"], "org/repo");
    assert_eq!(server.get("/v1/models/org%2Frepo").await.json()["id"], "org/repo");
    for unknown in ["/v1/models/none", "/v1/models/org/none", "/v1/models/dall-e-2"] {
        let answer = server.get(unknown).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "model_not_found"));
    }
    assert_eq!(server.get("/v1/models/%ff").await.code(), "not_found");
}

#[tokio::test]
async fn a_model_that_is_installed_meanwhile_is_there_for_every_route() {
    for route in ["list", "get", "generate"] {
        let shelf = Shelf::default();
        let sim = SimConfig { shelf: Some(shelf.clone()), ..SimConfig::default() };
        let server = server_with(sim, EngineConfig::default(), |_| {}).await;
        assert_eq!(server.get("/v1/models/org/new").await.status, 404);
        shelf.put("org/new");
        let answer = match route {
            "list" => server.get("/v1/models").await,
            "get" => server.get("/v1/models/org/new").await,
            _ => server.generate(json!({"prompt": "a cat", "model": "org/new"})).await,
        };
        assert_eq!(answer.status, 200, "{route}");
        let listed = server.engine.models().iter().any(|model| model.id.0 == "org/new");
        assert!(listed, "{route}");
        shelf.take("org/new");
        let list = server.get("/v1/models").await.json();
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
        assert_eq!(server.generate(json!({"prompt": "a cat", "model": "org/new"})).await.code(), "model_not_found");
    }
}

#[tokio::test]
async fn known_models_and_names_of_openais_cost_no_look() {
    let shelf = Shelf::default();
    let sim = SimConfig { shelf: Some(shelf.clone()), ..SimConfig::default() };
    let server = server_with(sim, EngineConfig::default(), |_| {}).await;
    for model in ["sim", "", "dall-e-3", "gpt-image-1", "auto"] {
        assert_eq!(server.generate(json!({"prompt": "a cat", "model": model})).await.status, 200, "{model}");
    }
    assert_eq!(server.generate(json!({"prompt": "a cat"})).await.status, 200);
    assert_eq!(shelf.looks(), 0);
}
