//! `GET /controlnet/module_list`: what is done to a picture before a ControlNet sees it.

use axum::Json;
use serde_json::{Value, json};

use crate::{
    auth::{As, Generates},
    compat::a1111::control::MODULES,
};

/// What is done to a picture before a ControlNet sees it.
#[utoipa::path(
    get, path = "/controlnet/module_list", operation_id = "a1111_controlnet_modules", tag = "a1111",
    responses((status = 200, description = "The names", body = Object)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Value> {
    let slider = |name: &str, value: u32| json!({"name": name, "value": value, "min": 1, "max": 255});
    let detail = json!({
        "none": {"model_free": false, "sliders": []},
        "canny": {"model_free": false, "sliders": [slider("Low Threshold", 100), slider("High Threshold", 200)]},
    });
    Json(json!({"module_list": MODULES, "module_detail": detail}))
}
