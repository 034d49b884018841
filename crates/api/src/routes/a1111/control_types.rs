//! `GET /controlnet/control_types`: what goes with what.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::control_models::names;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::a1111::control::MODULES,
};

/// What goes with what: every ControlNet takes either a picture as it is or its edges.
#[utoipa::path(
    get, path = "/controlnet/control_types", operation_id = "a1111_controlnet_types", tag = "a1111",
    responses((status = 200, description = "The types", body = Object)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Result<Json<Value>, ApiError> {
    let models = names(&state).await?;
    let with_none: Vec<_> = std::iter::once("None").chain(models.iter().map(String::as_str)).collect();
    let all = json!({"module_list": MODULES, "model_list": with_none, "default_option": "none", "default_model": "None"});
    Ok(Json(json!({"control_types": {"All": all}})))
}
