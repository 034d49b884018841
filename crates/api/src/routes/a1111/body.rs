//! Bodies that bring pictures: as long as the router lets them be, and only so many of the long ones at a time, because they lie in memory.

use std::sync::Arc;

use axum::{body::Body, extract::Request, http::header::CONTENT_LENGTH};
use easel_types::ModelId;
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    ApiError, AppState,
    auth::Caller,
    compat::{a1111::checkpoints, fields::Fields},
    extract::{UPLOAD_MAX, json_object_within},
    ordering::{DEFAULT_MODEL, find_anywhere},
};

/// A body, and its place among the long ones, to be given up when its pictures are read.
pub(super) struct Brought {
    /// What it says.
    pub(super) fields: Map<String, Value>,
    /// Its place.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// Reads a body.
pub(super) async fn read(state: &AppState, request: Request<Body>) -> Result<Brought, ApiError> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let is_short = length.is_some_and(|length| length <= state.config.body_bytes_max);
    let place = match is_short {
        true => None,
        false => Some(Arc::clone(&state.uploads).try_acquire_owned().map_err(|_| ApiError::busy())?),
    };
    let fields = json_object_within(request, UPLOAD_MAX, state.config.upload_timeout).await?;
    Ok(Brought { fields, place })
}

/// The setting that names a model.
pub(super) const CHECKPOINT: &str = "sd_model_checkpoint";

/// Looks for models that a request names and nobody has heard of yet.
pub(super) async fn look_for_models(state: &AppState, fields: &Map<String, Value>) {
    look_for_model(state, fields.get("override_settings").and_then(|settings| settings.get(CHECKPOINT))).await;
    look_for_model(state, fields.get("hr_checkpoint_name")).await;
}

/// The model a request names, if it is not here and somebody else would draw with it for this caller.
pub(super) async fn missing(state: &AppState, caller: &Caller, fields: &Map<String, Value>) -> Option<ModelId> {
    let named = fields.get("override_settings").and_then(|settings| settings.get(CHECKPOINT)).and_then(Value::as_str);
    let name = named.map(str::trim).filter(|name| !name.is_empty());
    // By the names that A1111's clients have for what is here.
    if name.is_some_and(|name| checkpoints::find(name, &state.engine).is_ok()) {
        return None;
    }
    let found = find_anywhere(state, &caller.user, name, false).await;
    matches!(found, Ok(None)).then(|| ModelId::from(name.unwrap_or(DEFAULT_MODEL)))
}

/// As above, of one.
pub(super) async fn look_for_model(state: &AppState, name: Option<&Value>) {
    if let Some(name) = name.and_then(Value::as_str) {
        checkpoints::look_for(name, &state.engine).await;
    }
}

/// The picture of a body that brings one.
pub(super) fn image(fields: &Fields) -> Result<String, ApiError> {
    let image = fields.text(&["image"])?.filter(|image| !image.trim().is_empty());
    image.ok_or_else(|| ApiError::invalid("image", "missing_required_parameter", "`image` is required: a picture in base64"))
}
