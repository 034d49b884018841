//! `GET /v1/models` and `GET /v1/models/{id}`.

mod common;

use common::{pretty, server_with};
use easel_engine::{EngineConfig, sim::SimConfig};

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
